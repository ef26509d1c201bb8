"""Source that can be paused and replaced, and of which some frames are skipped when idle."""

import threading
import time
from datetime import datetime

from edge.capture import LiveSource, Source
from edge.types import CameraState, Frame

IDLE_FRAME_INTERVAL = 0.06
"""Seconds between the frames that are decoded of an idle scene: of 30 frames a second every third,
and who comes in is noticed a tenth of a second later at most."""

WAIT = 0.5
"""Seconds that a read waits for the end of a pause."""


class PausableSource:
    """Reads a source unless it is paused; another may take the source's place.

    One thread reads, replaces and closes; any thread may pause and ask.

    Args:
        source: gives the frames.
        live: whether they come whether or not they are read.

    Attributes:
        live: of the present source.
        idle: nobody is there and nothing moves, so that some frames of a live source may be
            skipped; the thread that follows faces sets it.
        paused_until: when a pause is over, in UTC, where that is known; for display only.
    """

    def __init__(self, source: Source, live: bool) -> None:
        self.live = live
        self.idle = False
        self.paused_until: datetime | None = None
        self._last_read = 0.0
        self._source = source
        self._enabled = threading.Event()
        self._enabled.set()
        self._closed = False

    def read(self) -> Frame | None:
        """Return the next frame, None where there is none now, or it is paused.

        Raises:
            EndOfStream, InputError, SourceError: as `Source.read`.
        """
        if not self.enabled:
            if self.live:
                self._source.close()  # a file stays open, where it is
            self._enabled.wait(WAIT)
            return None
        self._skip_idle_frames()
        frame = self._source.read()
        self._last_read = time.monotonic()
        return frame

    def replace(self, source: Source, live: bool) -> None:
        """Go on with another source; the one before is closed first: it may be the same device."""
        self._source.close()
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
        """Whether it is not paused."""
        return self._enabled.is_set()

    @property
    def state(self) -> CameraState:
        """State of the source."""
        if not self.enabled:
            return CameraState.PAUSED
        online = self._source.online and not self._closed
        return CameraState.ONLINE if online else CameraState.OFFLINE

    @property
    def expects_frames(self) -> bool:
        """Whether frames should be coming: it is not paused, and not known to be offline."""
        return self.enabled and self._source.online is not False

    def _skip_idle_frames(self) -> None:
        """Skip frames of an idle scene: they must be taken, or they would wait."""
        source = self._source
        while (
            self.idle
            and source.online
            and isinstance(source, LiveSource)
            and time.monotonic() - self._last_read < IDLE_FRAME_INTERVAL
        ):
            source.skip()
