"""The latest analyzed frame, for views."""

import threading
from typing import Protocol

from edge.metrics import Metrics
from edge.types import AnalyzedFrame


class FrameConsumer(Protocol):
    """Receiver of a pipeline's analyzed frames."""

    def show(self, frame: AnalyzedFrame) -> None:
        """Take the next frame."""

    def clear(self) -> None:
        """Show nothing: there is nothing to be seen, or it is paused."""


class LatestFrame:
    """Holds one analyzed frame: one thread sets it, any number read it, and none waits for another.

    It is a `FrameConsumer`.
    """

    def __init__(self) -> None:
        self._metrics = Metrics()
        self._changed = threading.Condition()
        self._newest: AnalyzedFrame | None = None

    def show(self, frame: AnalyzedFrame) -> None:
        """Put a frame in the place of the one before."""
        self._metrics.mark("frames")
        self._put(frame)

    def clear(self) -> None:
        """Remove the frame."""
        if self._newest is not None:
            self._put(None)

    @property
    def newest(self) -> AnalyzedFrame | None:
        """The latest frame; None where there is none."""
        return self._newest

    @property
    def fps(self) -> float:
        """Frames per second, over the last ten seconds."""
        return self._metrics.rate("frames")

    def next(self, seen: AnalyzedFrame | None, timeout: float) -> AnalyzedFrame | None:
        """Return the latest frame, once it is another than `seen`.

        Where that takes more than `timeout` seconds, it is the same all the same.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._newest is not seen, timeout)
            return self._newest

    def _put(self, frame: AnalyzedFrame | None) -> None:
        with self._changed:
            self._newest = frame
            self._changed.notify_all()
