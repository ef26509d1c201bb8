"""Sinks: the contract of each and of its settings, what some have in common, all of them as one."""

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import msgspec

from edge import types
from edge.errors import CheckResult
from edge.pipeline.worker import BoundedQueue, Worker
from edge.publish.events import utc
from edge.publish.retained import RetainedTopics
from edge.secrets import SecretRef
from edge.service.commands import Catalog, CommandQueue
from edge.terminal import RepeatFilter
from edge.types import DataFlow, SinkRecord

T = TypeVar("T")

MAX_WAITING = 100  # records that may wait for the thread of a sink; beyond, the oldest is dropped
MAX_CHARACTERS = 1000  # of a logged message; a traceback stays in the journal

log = logging.getLogger(__name__)


class Sink(ABC):
    """Takes events to where they are wanted; one thread at a time, a pipeline's, calls it.

    What a sink has nothing to do for it leaves out.
    """

    @property
    def dropped(self) -> int:
        """Number of events that it had to drop so far."""
        return 0

    @property
    def status_text(self) -> str | None:
        """State of what it depends on outside the process, in a few words."""
        return None

    def prepare(self, closed_first: "Sequence[Sink]" = ()) -> None:  # noqa: B027
        """Take what only one process can have, such as a port, so that a reload can be refused.

        What the sinks that are closed before the start hold until then is as good as taken; `close`
        gives it back. An EmotiondError says that another process has it, or that it is not there.
        """

    def start(self) -> None:  # noqa: B027
        """Begin, and touch what is outside the process; an EmotiondError is beyond waiting."""

    @abstractmethod
    def publish(self, record: SinkRecord) -> None:
        """Take a record, first of all a DaemonStatus before `start`; never blocks for long.

        A broker or disk that is away is the sink's own matter: it logs that, and counts what it had
        to drop. It raises only what is a fault of the program.
        """

    def close(self, timeout: float) -> None:  # noqa: B027
        """Deliver what can be delivered within `timeout` seconds, then release everything."""


@dataclass(frozen=True, slots=True)
class SinkContext:
    """Arguments with which a sink is opened, beside its settings."""

    outbox: Path | None = None  # of what is not yet delivered, where there is an `outbox_name`
    commands: CommandQueue | None = None  # for those that come to the sink; None takes none
    catalog: Catalog = field(default_factory=Catalog)  # what they may choose from
    run: str = ""  # id of this start of the daemon
    # What earlier sinks of the config had brokers retain; None remembers nothing.
    retained: RetainedTopics | None = field(default=None, compare=False)
    several: bool = False  # whether there are several cameras, each with a name


class BaseSinkSettings(types.KindSettings, frozen=True):
    """Base of the settings of every sink: what the daemon asks them, with the usual answers.

    Each kind adds `open(context)`: it returns the sink, not yet started, or raises ConfigError.
    """

    takes_commands: ClassVar[bool] = False  # then what they may choose from opens it anew

    @property
    def event_files(self) -> tuple[Path, ...]:
        """The files that it appends events to, one JSON object a line."""
        return ()

    @property
    def outbox_name(self) -> str | None:
        """Part of the name of the file for what is not yet delivered; None has no such file."""
        return None

    def retained_topics(self, cameras: Sequence[str] = ()) -> tuple[str, ...]:
        """Return the topics on which it has brokers retain something; `cameras` are several."""
        return ()

    @property
    def targets(self) -> tuple[str, ...]:
        """Places that no other sink of the config may have as well."""
        return ()

    def data_flows(self, allow_snapshots: bool) -> Iterator[DataFlow]:
        """Yield what leaves by it; of a sink that does not tell, all may."""
        kind = str(self.__struct_config__.tag)
        yield DataFlow("images", "and all else, perhaps: it is not declared", kind, "unknown", True)

    def with_max_event_age(self, seconds: float) -> Self:
        """Return a copy whose outbox, if it has one, keeps no event for longer."""
        if (outbox := getattr(self, "outbox", None)) is None:
            return self
        outbox = msgspec.structs.replace(outbox, max_age_s=min(seconds, outbox.max_age_s))
        return msgspec.structs.replace(self, outbox=outbox)

    def check(self) -> Iterator[CheckResult]:
        """Check for `emotiond doctor` that the sink could do its work; leave nothing behind."""
        yield from ()

    def without_service_secrets(self) -> Self:
        """Return a copy without secrets, if systemd gives one to the running service alone."""
        values = {name: getattr(self, name) for name in self.__struct_fields__}
        refs = {name: ref for name, ref in values.items() if isinstance(ref, SecretRef)}
        given = any(ref.credential is not None for ref in refs.values())
        return msgspec.structs.replace(self, **dict.fromkeys(refs)) if given else self


class QueuedSink(Sink, Generic[T]):
    """Base of the sinks that deliver in a thread of their own, and keep nothing for later.

    What comes too late for that is dropped. Its `str` names the target in the log.
    """

    records: ClassVar[tuple[type, ...]] = (types.EmotionEvent,)  # what it takes; others are ignored

    def __init__(self, name: str, capacity: int = MAX_WAITING, lossless: bool = False) -> None:
        self._queue: BoundedQueue[Any] = BoundedQueue(capacity, lossless)
        self._worker = Worker(name, self._step)
        self._undelivered, self._problem = 0, ""

    @property
    def dropped(self) -> int:
        """Records beyond those that may wait, or left over at the end."""
        return self._queue.dropped + self._undelivered

    def start(self) -> None:
        """Begin to wait for records."""
        self._worker.start()

    def publish(self, record: SinkRecord) -> None:
        """Take a record."""
        if self._worker.error is not None:
            raise self._worker.error
        if isinstance(record, self.records):
            self._queue.put(record)

    def close(self, timeout: float) -> None:
        """Deliver what waits, within `timeout` seconds; then give up."""
        self._queue.close()
        if self._worker.alive and not self._worker.join(timeout):
            self._worker.stop()
            self._abort()
            self._worker.join(1.0)
        self._undelivered += len(self._queue)

    def _step(self) -> None:
        """Deliver a record, and log what went wrong, once."""
        if (record := self._queue.get(0.5)) is not None:
            problem = self._deliver(record)
            if problem and problem != self._problem:
                log.warning("%s: %s", self, problem)
            self._problem = problem

    @abstractmethod
    def _deliver(self, record: T) -> str:
        """Deliver a record; return what went wrong, in one line, or nothing."""

    def _abort(self) -> None:  # a delivery that waits for nothing needs none
        """End what `_deliver` waits for."""


class LogHandler(logging.Handler):
    """Gives `publish`, in whichever thread logs, each warning and error that emotiond logs."""

    def __init__(self, publish: Callable[[dict[str, str]], None]) -> None:
        super().__init__(logging.WARNING)
        self.addFilter(RepeatFilter())
        self._publish = publish

    def emit(self, record: logging.LogRecord) -> None:
        """Pass on time, level and message."""
        text = record.getMessage()[:MAX_CHARACTERS] + getattr(record, "repetition", "")
        level = record.levelname.lower()
        self._publish({"time": utc(record.created), "level": level, "message": text})


class MultiSink:
    """All sinks as one, replaced while it runs; the threads of several pipelines may call."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = self._wanted = tuple(sinks)
        self._changes: deque[tuple[Sink, ...]] = deque()
        self._dropped_by_removed = 0
        self._statuses: dict[str, types.DaemonStatus] = {}  # the latest of each camera
        self._started, self._lock = False, threading.RLock()

    @property
    def dropped(self) -> int:
        """Number of events that they had to drop so far, together."""
        return self._dropped_by_removed + sum(sink.dropped for sink in self._sinks)

    @property
    def status_text(self) -> str | None:
        """Their states in one line; None where none of them has anything to say."""
        texts = [sink.status_text for sink in self._sinks]
        return "; ".join(text for text in texts if text) or None

    def prepare(self) -> None:
        """Take what only one process can have; errors are as of `Sink.prepare`."""
        for sink in self._sinks:
            sink.prepare()

    def start(self) -> None:
        """Start them all, the first time that it is called; errors are those of each."""
        with self._lock:
            started, self._started = self._started, True
            for sink in () if started else self._sinks:
                sink.start()

    def publish(self, record: SinkRecord) -> None:
        """Give `record` to each."""
        with self._lock:
            if isinstance(record, types.DaemonStatus):
                self._statuses[record.camera_name] = record
            elif isinstance(record, types.CameraRemoved):
                self._statuses.pop(record.camera_name, None)
            for sink in self._sinks:
                sink.publish(record)

    def request(self, sinks: Sequence[Sink]) -> None:
        """Have `replace_requested` go on with other sinks."""
        if tuple(sinks) != self._wanted:
            self._wanted = tuple(sinks)
            self._changes.append(self._wanted)

    def replace_requested(self, timeout: float) -> None:
        """Go on with the sinks that were requested; close others in `timeout` seconds a change."""
        with self._lock:
            while self._changes:  # one after the other: each closes what the next may need
                sinks = self._changes.popleft()
                # First: a new one may use the same file, or the same client id at the broker.
                removed = [sink for sink in self._sinks if sink not in sinks]
                added = [sink for sink in sinks if sink not in self._sinks]
                self._sinks = tuple(sink for sink in sinks if sink in self._sinks)
                _close_all(removed, timeout)
                self._dropped_by_removed += sum(sink.dropped for sink in removed)
                for sink in added:
                    for status in self._statuses.values():
                        sink.publish(status)
                    sink.start()
                self._sinks = sinks

    def close(self, timeout: float) -> None:
        """Close them all, within `timeout` seconds together."""
        _close_all(self._sinks, timeout)


def _close_all(sinks: Sequence[Sink], timeout: float) -> None:
    """Close sinks; one that fails keeps no other open."""
    deadline = time.monotonic() + timeout
    with ExitStack() as stack:
        for sink in reversed(sinks):
            stack.callback(lambda one: one.close(max(0.0, deadline - time.monotonic())), sink)
