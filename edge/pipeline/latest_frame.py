"""The newest scene, for whoever wants to look at it."""

import threading
from typing import Protocol

from edge.metrics import Metrics
from edge.types import AnalyzedFrame


class FrameConsumer(Protocol):
    """What a pipeline shows its scenes on."""

    def show(self, scene: AnalyzedFrame) -> None:
        """Take the next one."""

    def clear(self) -> None:
        """Show nothing: there is nothing to be seen, or nobody may look."""


class LatestFrame:
    """Keeps one scene; one thread shows, any number look, and no looking holds up what is shown."""

    def __init__(self) -> None:
        self._metrics = Metrics()
        self._changed = threading.Condition()
        self._newest: AnalyzedFrame | None = None

    def show(self, scene: AnalyzedFrame) -> None:
        """Put a scene in the place of the one before."""
        self._metrics.mark("scenes")
        self._put(scene)

    def clear(self) -> None:
        """Take the scene away."""
        if self._newest is not None:
            self._put(None)

    @property
    def newest(self) -> AnalyzedFrame | None:
        """The present scene; None where there is none."""
        return self._newest

    @property
    def fps(self) -> float:
        """Scenes a second, over the last ten seconds."""
        return self._metrics.rate("scenes")

    def next(self, seen: AnalyzedFrame | None, timeout: float) -> AnalyzedFrame | None:
        """Return the present scene, once it is another than `seen`.

        Where that takes more than `timeout` seconds, it is the present one all the same.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._newest is not seen, timeout)
            return self._newest

    def _put(self, scene: AnalyzedFrame | None) -> None:
        with self._changed:
            self._newest = scene
            self._changed.notify_all()
