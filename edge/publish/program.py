"""Command sink: runs a program for each event, one after the other, without a shell."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from subprocess import DEVNULL, PIPE, TimeoutExpired
from typing import Annotated, Any

import msgspec

from edge.errors import CheckResult, ConfigError, ok
from edge.publish.events import encode_event
from edge.publish.sink import BaseSinkSettings, QueuedSink, SinkContext
from edge.types import DataFlow, EmotionEvent

INHERITED = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "DISPLAY", "XDG_RUNTIME_DIR")
"""Variables that the program gets beside those of the event: the daemon's others may be secrets."""


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
        next(self.check())
        return CommandSink(self)

    def check(self) -> Iterator[CheckResult]:
        """Check that the program is there, or raise a ConfigError."""
        name = self.arguments[0]
        if (path := shutil.which(name)) is None:
            text = "expected the name or path of a program that may be run"
            raise ConfigError(f"sinks: command: {text}, found {name!r}")
        yield ok(f"command {name}", f"is {path}")

    def data_flows(self, allow_snapshots: bool) -> Iterator[DataFlow]:
        """Yield the events; where the program takes them is not known."""
        what = "each face, its expression and place"
        yield DataFlow("events", what, "a program", self.arguments[0], True, "as it likes")


class CommandSink(QueuedSink[EmotionEvent]):
    """Runs the program in a thread of its own."""

    def __init__(self, settings: CommandSettings) -> None:
        super().__init__("command")
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    def __str__(self) -> str:
        return f"command {self._settings.arguments[0]}"

    def _deliver(self, record: EmotionEvent) -> str:
        payload = encode_event(record)
        try:
            variables, program = event_environment(payload), self._settings.arguments
            process = self._process = subprocess.Popen(
                program, stdin=PIPE, stdout=DEVNULL, env=variables, start_new_session=True
            )
            process.communicate(payload, timeout=self._settings.timeout_s)
        except OSError as error:
            return f"cannot be run: {error.strerror}"
        except TimeoutExpired:
            self._abort()
            process.wait()
            return f"was killed after {self._settings.timeout_s:g} s"
        return f"ends with {process.returncode}" if process.returncode else ""

    def _abort(self) -> None:
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
