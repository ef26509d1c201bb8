"""Where a pipeline looks out: through a source, as long as that is wanted."""

import threading
import time
from datetime import datetime

from edge.capture import LiveSource, Source
from edge.types import CameraState, Frame

IDLE_FRAME_INTERVAL = 0.06
"""Of a quiet scene, so long nothing is looked at: of 30 frames a second every third is seen, and
who comes in is noticed a tenth of a second later at most."""

WAIT = 0.5
"""Seconds a rest lasts before it is asked again whether frames are wanted."""


class PausableSource:
    """Reads a source unless it is paused; another may take the source's place.

    One thread reads, replaces and closes; any thread may pause and ask.

    Args:
        source: gives the frames.
        live: whether they come whether or not they are read.

    Attributes:
        live: of the present source.
        quiet: nobody is there and nothing moves, so that some frames of a live source may pass
            unseen; whoever follows what is seen says so.
        paused_until: when a pause is over, in UTC, where that is known; it is only told.
    """

    def __init__(self, source: Source, live: bool) -> None:
        self.live = live
        self.quiet = False
        self.paused_until: datetime | None = None
        self._looked = 0.0
        self._source = source
        self._wanted = threading.Event()
        self._wanted.set()
        self._closed = False

    def read(self) -> Frame | None:
        """Return the next frame, None where there is none now, or it is not wanted.

        Raises:
            EndOfStream, InputError, SourceError: as `Source.read`.
        """
        if not self.wanted:
            self._rest()
            return None
        self._let_pass()
        frame = self._source.read()
        self._looked = time.monotonic()
        return frame

    def replace(self, source: Source, live: bool) -> None:
        """Go on with another source; the one before is closed first: it may be the same device."""
        self._source.close()
        self._source, self.live, self.quiet = source, live, False

    def close(self) -> None:
        """Let go of the source for good."""
        self._closed = True
        self._source.close()

    def pause(self, until: datetime | None) -> None:
        """Let go of a live source and look at nothing, until `resume`."""
        self.paused_until = until
        self._wanted.clear()

    def resume(self) -> None:
        """Look again."""
        self.paused_until = None
        self._wanted.set()

    @property
    def wanted(self) -> bool:
        """Whether it is not paused."""
        return self._wanted.is_set()

    @property
    def state(self) -> CameraState:
        """How the source is."""
        if not self.wanted:
            return CameraState.PAUSED
        online = self._source.online and not self._closed
        return CameraState.ONLINE if online else CameraState.OFFLINE

    @property
    def expects_frames(self) -> bool:
        """Whether frames should be coming: it is not paused, and not known that they are away."""
        return self.wanted and self._source.online is not False

    def _let_pass(self) -> None:
        """Let frames pass unseen while it is quiet: they must be taken, or they would wait."""
        source = self._source
        while (
            self.quiet
            and source.online
            and isinstance(source, LiveSource)
            and time.monotonic() - self._looked < IDLE_FRAME_INTERVAL
        ):
            source.skip()

    def _rest(self) -> None:
        """Let a live source go until it is wanted again; a film waits where it is."""
        if self.live:
            self._source.close()
        self._wanted.wait(WAIT)
