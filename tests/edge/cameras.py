"""Fakes for the edge of the world: cameras and sinks that do as they are told."""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from edge.capture import EndOfStream
from edge.errors import InputError
from edge.publish import Sink
from edge.types import DaemonStatus, EmotionEvent, FaceSnapshot, Frame, Image, SinkRecord, Stats


def day_from_now(days: int) -> str:
    """Return a day of this machine's calendar as a schedule names it, such as `mon`."""
    return (datetime.now() + timedelta(days=days)).strftime("%a").lower()


class FakeCamera:
    """Gives the frames it was made with, on a clock of `fps`, then ends.

    Args:
        images: what it sees; None stands for an input that cannot be read.
        fps: frames a second of its timestamps.
        still: whether the pictures stand alone.
        wait: called before each frame.
        clock: gives the timestamps, where they should not be counted.
    """

    online: bool | None = True

    def __init__(
        self,
        images: Sequence[Image | None],
        fps: float = 10.0,
        still: bool = False,
        wait: Callable[[], object] = lambda: None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._clock = clock
        self.closed = False
        self._images = images
        self._fps = fps
        self._still = still
        self._wait = wait
        self._index = -1
        self.skipped = 0

    @property
    def reads(self) -> int:
        """How often it was read."""
        return self._index + 1

    def read(self) -> Frame:
        self._wait()
        self._index += 1
        if self._index >= len(self._images):
            raise EndOfStream
        image = self._images[self._index]
        if image is None:
            raise InputError("picture 7: is not a picture that can be read")
        timestamp = self._clock() if self._clock else self._index / self._fps
        return Frame(image, self._index, timestamp, time.monotonic(), self._still)

    def skip(self) -> None:
        self._wait()
        self.skipped += 1

    def close(self, timeout: float = 0.0) -> None:
        self.closed = True


class KeepingSink(Sink):
    """A sink that keeps everything.

    Attributes:
        threads: the names of those that started it, published or closed it.
    """

    dropped = 0
    status_text: str | None = None

    def __init__(self) -> None:
        self.events: list[EmotionEvent] = []
        self.stats: list[Stats] = []
        self.statuses: list[DaemonStatus] = []
        self.snapshots: list[FaceSnapshot] = []
        self.threads: set[str] = set()
        self.closed = False

    def start(self) -> None:
        self._note_thread()

    def publish(self, record: SinkRecord) -> None:
        self._note_thread()
        match record:
            case EmotionEvent():
                self.events.append(record)
            case Stats():
                self.stats.append(record)
            case DaemonStatus():
                self.statuses.append(record)
            case FaceSnapshot():
                self.snapshots.append(record)

    def close(self, timeout: float = 0.0) -> None:
        self._note_thread()
        self.closed = True

    def _note_thread(self) -> None:
        self.threads.add(threading.current_thread().name)
