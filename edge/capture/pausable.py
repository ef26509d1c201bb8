"""Source that can be paused, and replaced by another."""

import threading
from datetime import datetime

from edge.capture.reconnect import ReconnectingSource
from edge.capture.source import MAX_WAIT, Source
from edge.types import CameraState, Frame


class PausableSource:
    """Reads a source unless it is paused; another may take the source's place.

    One thread reads, replaces and closes; any thread may pause and ask.

    Attributes:
        live: whether frames come whether or not they are read.
        idle: nobody is there and nothing moves; the thread that tracks faces sets it.
        paused_until: when a pause is over, in UTC, where that is known; for display only.
    """

    def __init__(self, source: Source, live: bool) -> None:
        self.live, self.idle = live, False
        self.paused_until: datetime | None = None
        self._source, self._closed, self._damaged_before = source, False, 0
        self._enabled = threading.Event()
        self._enabled.set()

    def read(self) -> Frame | None:
        """Return the next frame, None where there is none or it is paused; errors as `Source`."""
        if not self.enabled:
            if self.live:
                self._source.close()  # a file stays open, where it is
            self._enabled.wait(MAX_WAIT)
            return None
        if self._camera:
            self._camera.idle = self.idle
        return self._source.read()

    def replace(self, source: Source, live: bool) -> None:
        """Go on with another source; the one before is closed first: it may be the same device."""
        self._source.close()
        self._damaged_before = self.damaged
        self._source, self.live, self.idle = source, live, False

    def close(self) -> None:
        """Close the source for good."""
        self._closed = True
        self._source.close()

    def pause(self, until: datetime | None) -> None:
        """Release a live source and give no frames, until `resume`."""
        self.paused_until = until
        self._enabled.clear()

    def resume(self) -> None:
        """Give frames again."""
        self.paused_until = None
        self._enabled.set()

    @property
    def enabled(self) -> bool:
        """Tell whether the source is not paused."""
        return self._enabled.is_set()

    @property
    def state(self) -> CameraState:
        """State of the source."""
        if not self.enabled:
            return CameraState.PAUSED
        if self._closed or not self._source.online:
            return CameraState.OFFLINE
        camera = self._camera
        return (camera and camera.blindness) or CameraState.ONLINE

    @property
    def damaged(self) -> int:
        """Number of frames, of this live source and those before, that could not be decoded."""
        return self._damaged_before + (self._camera.damaged if self._camera else 0)

    @property
    def max_silence_s(self) -> float:
        """Seconds for which a sound source may give no frame."""
        return self._camera.settings.max_silence_s if self._camera else 0.0

    @property
    def _camera(self) -> ReconnectingSource | None:
        return self._source if isinstance(self._source, ReconnectingSource) else None

    @property
    def expects_frames(self) -> bool:
        """Tell whether frames should come: it is not paused, and not known to be offline."""
        return self.enabled and self._source.online is not False
