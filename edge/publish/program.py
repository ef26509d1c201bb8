"""Command sink: runs a program for each event, one after the other, without a shell."""

import logging
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated, Any

import msgspec

from edge.errors import CheckResult, ConfigError, failure, ok
from edge.pipeline.worker import BoundedQueue, Worker
from edge.publish.events import encode_event
from edge.publish.sink import BaseSinkSettings, SinkContext
from edge.types import DataFlow, EmotionEvent, SinkRecord

MAX_WAITING = 100
"""Events that may wait while the program runs; beyond, the oldest is dropped."""

INHERITED = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "DISPLAY", "XDG_RUNTIME_DIR")
"""Variables that the program gets beside those of the event: the daemon's others may be secrets."""

log = logging.getLogger(__name__)


class CommandSettings(BaseSinkSettings, frozen=True, tag="command"):
    """A program that is run for each event, one after the other.

    Its standard input is the event as JSON; variables such as EVENT_TYPE, EVENT_EMOTION and
    EVENT_ZONES say the same. What it writes to its standard error is in the log.

    Attributes:
        arguments: the program and its arguments; no shell reads them.
        timeout_s: seconds after which it is killed, with what it has started.
    """

    arguments: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=100)]
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 10.0

    def __post_init__(self) -> None:
        if not self.arguments[0] or any("\0" in argument for argument in self.arguments):
            raise ValueError("Expected `arguments` to begin with a program, and no NUL in them")

    def open(self, context: SinkContext) -> "CommandSink":
        """Return the sink; the program must be there."""
        if shutil.which(self.arguments[0]) is None:
            text = "expected the name or path of a program that may be run"
            raise ConfigError(f"sinks: command: {text}, found {self.arguments[0]!r}")
        return CommandSink(self)

    def check(self) -> Iterator[CheckResult]:
        """Check that the program is there."""
        name = self.arguments[0]
        if path := shutil.which(name):
            yield ok(f"command {name}", f"is {path}")
        else:
            yield failure(f"command {name}", "cannot be run", "correct `arguments`, or install it")

    def data_flows(self, allow_snapshots: bool) -> Iterator[DataFlow]:
        """Yield the events; where the program takes them is not known."""
        what = "each face, its expression and place"
        yield DataFlow("events", what, "a program", self.arguments[0], True, "as it likes")


class CommandSink:
    """Runs the program in a thread of its own."""

    status_text = None

    def __init__(self, settings: CommandSettings) -> None:
        self._settings = settings
        self._events: BoundedQueue[EmotionEvent] = BoundedQueue(MAX_WAITING, False)
        self._worker = Worker("command", self._step, finish=lambda: None)
        self._process: subprocess.Popen[bytes] | None = None
        self._undelivered, self._problem = 0, ""

    @property
    def dropped(self) -> int:
        """Events beyond those that may wait, or left over at the end."""
        return self._events.dropped + self._undelivered

    def start(self) -> None:
        """Begin to wait for events."""
        self._worker.start()

    def publish(self, record: SinkRecord) -> None:
        """Take an event; other records are ignored."""
        if self._worker.error is not None:
            raise self._worker.error
        if isinstance(record, EmotionEvent):
            self._events.put(record)

    def close(self, timeout: float) -> None:
        """Run the program for what waits, within `timeout` seconds; then kill it."""
        self._events.close()
        if self._worker.alive and not self._worker.join(timeout):
            self._worker.stop()
            self._kill()
            self._worker.join(1.0)
        self._undelivered += len(self._events)

    def _step(self) -> None:
        """Run the program for an event, and log what went wrong, once."""
        if (event := self._events.get(0.5)) is None:
            return
        payload, problem = encode_event(event), ""
        try:
            process = self._process = subprocess.Popen(
                self._settings.arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                env=event_environment(payload),
                start_new_session=True,
            )
            process.communicate(payload, timeout=self._settings.timeout_s)
            if process.returncode:
                problem = f"ends with {process.returncode}"
        except OSError as error:
            problem = f"cannot be run: {error.strerror}"
        except subprocess.TimeoutExpired:
            self._kill()
            process.wait()
            problem = f"was killed after {self._settings.timeout_s:g} s"
        if problem and problem != self._problem:
            log.warning("command %s: %s", self._settings.arguments[0], problem)
        self._problem = problem

    def _kill(self) -> None:
        """Kill the program and what it has started in its own session."""
        if self._process is not None and self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)


def event_environment(payload: bytes) -> dict[str, str]:
    """Return the variables of a program that is run for an event: EVENT_EMOTION and so on."""
    event: dict[str, Any] = msgspec.json.decode(payload)
    environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
    for name, value in event.items():
        if value is not None and not isinstance(value, dict):
            text = " ".join(map(str, value)) if isinstance(value, list) else str(value)
            environment[f"EVENT_{name.upper()}"] = text
    return environment
