"""Source protocol, and what is put around any source: reconnecting, pausing."""

import logging
import math
import random
import threading
import time
from collections.abc import Callable, Generator, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Protocol, runtime_checkable

import msgspec
import numpy as np

from edge.capture.monitor import BlindnessMonitor
from edge.capture.native_stderr import native_stderr
from edge.capture.orientation import OrientedSettings
from edge.errors import InputError, SourceError
from edge.types import CameraState, Frame, Image

FIRST_DELAY, MAX_DELAY = 0.5, 15.0
"""Seconds between attempts; a camera that returns is found within the longest."""

MAX_WAIT = 0.5
"""Longest single wait, in seconds, so that a stop is answered soon."""

IDLE_FRAME_INTERVAL = 0.06
"""Seconds between the frames that are decoded of an idle scene: of 30 frames a second every third,
and who comes in is noticed a tenth of a second later at most."""

ROUNDING_S = 0.002
"""Seconds by which frames may come early: containers round their times."""

MAX_PIXELS = 50_000_000
"""Pixels of an image; decoded, each takes seven bytes for a moment. Larger ones are refused."""

log = logging.getLogger(__name__)

Width = Annotated[int, msgspec.Meta(ge=64, le=7680)]
Height = Annotated[int, msgspec.Meta(ge=64, le=4320)]
Fps = Annotated[int, msgspec.Meta(ge=1, le=240)]


class LiveSettings(OrientedSettings, frozen=True, kw_only=True):
    """A camera or stream: its frames come whether or not they are read.

    Attributes:
        blind_after_s: seconds of one image after which the camera is `frozen`, or of a black one
            after which it is `dark`; 0 is never.
    """

    is_live: ClassVar[Literal[True]] = True

    blind_after_s: Annotated[float, msgspec.Meta(ge=0.0, le=86400.0)] = 60.0


UNCHANGED = LiveSettings(blind_after_s=0.0)
"""Settings of a source whose frames are taken as they come."""


class FileSettings(OrientedSettings, frozen=True):
    """A video, or one image or more: nothing of it is dropped."""

    is_live: ClassVar[Literal[False]] = False

    path: Path

    @property
    def location(self) -> str:
        """Path, as it may be logged."""
        return str(self.path)

    def open(self) -> "FileSource":
        """Return the source; files are opened as they are read."""
        return FileSource(self.frames(), self)

    def frames(self) -> Generator[Frame | InputError | None, None, None]:
        """Yield each frame, None while none is due, or why an input cannot be read.

        Raises:
            InputError: it holds no more that can be read.
        """
        raise NotImplementedError


class OversizedError(InputError):
    """An image with more pixels than may be decoded."""


class NoFrameError(SourceError):
    """A live source gave no frame at once: it has ended, or the frame was empty or damaged."""


class EndOfStream(Exception):
    """A file or folder has given its last frame."""


class Source(Protocol):
    """Gives frames, one a call."""

    @property
    def online(self) -> bool | None:
        """Tell whether frames are coming; None where no try has ended yet."""

    def read(self) -> Frame | None:
        """Return the next frame, or None when there is none yet; waits about a second at most.

        Raises:
            EndOfStream: there will be no more.
            InputError: one input cannot be read; the next call continues after it.
            SourceError: the source failed.
        """

    def close(self) -> None:
        """Release the device or file."""


@runtime_checkable
class LiveSource(Source, Protocol):
    """Gives frames whether or not they are read."""

    def skip(self) -> None:
        """Wait for the next frame and drop it without decoding it.

        Raises:
            SourceError: the source failed.
        """


class FileSource:
    """Source of what a generator yields: frames, None while none is due, errors that are passed on.

    An error that the generator raises ends it. Frames are oriented, and thinned out, by `settings`.
    """

    online = True

    def __init__(
        self,
        items: Generator[Frame | InputError | None, None, None],
        settings: OrientedSettings,
    ) -> None:
        self._items, self._settings = items, settings
        self._next_at = 0.0

    def read(self) -> Frame | None:
        """Return the next frame, None where it is not yet due; errors as `Source`."""
        for item in self._items:
            if isinstance(item, InputError):
                raise item
            if item is None:
                return None
            if item.timestamp >= self._next_at - ROUNDING_S:
                interval = self._settings.min_interval_s
                self._next_at = max(self._next_at, item.timestamp - interval) + interval
                return self._settings.oriented(item)
        raise EndOfStream

    def close(self) -> None:
        """Close the file."""
        self._items.close()


def iter_frames(source: Source, timeout: float = math.inf) -> Iterator[Frame]:
    """Yield the frames of `source` until it ends; an input that cannot be read is logged.

    Raises:
        SourceError: none came for longer than `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        try:
            frame = source.read()
        except EndOfStream:
            return
        except InputError as error:
            log.error("%s", error)
            continue
        if frame is not None:
            yield frame
            deadline = time.monotonic() + timeout
    raise SourceError(f"no image came for {timeout:.0f} s; is the camera there, and free?")


def read_first(source: Source) -> Frame:
    """Return the first frame of a file, folder or stream that can be read; close the source.

    Raises:
        SourceError: there is none; it tells of the first that cannot be read.
    """
    failure: InputError | None = None
    try:
        while True:
            try:
                if (frame := source.read()) is not None:
                    return frame
            except InputError as error:  # one image of a folder: the next may do
                failure = failure or error
    except EndOfStream:
        raise failure or InputError("holds no image") from None
    finally:
        source.close()


def check_size(width: float, height: float, max_pixels: int = MAX_PIXELS) -> None:
    """Raise an OversizedError where an image has more than `max_pixels`."""
    if width * height > max_pixels:
        text = f"expected at most {max_pixels} pixels, found {width:.0f}x{height:.0f}"
        raise OversizedError(text)


def as_readonly(image: object) -> Image:
    """Return OpenCV's image as a read-only array, so that no stage can change another's.

    Raises:
        OversizedError: it is larger than the video announced, and than may be.
    """
    array = np.asarray(image, dtype=np.uint8)
    check_size(array.shape[1], array.shape[0])
    array.flags.writeable = False
    return array


STEADY_S = 30.0
"""Seconds of frames after which a connection has lasted, and delays begin anew."""

MAX_LOSSES = 3
"""Connections lost in a row before they lasted, after which the source counts as unsteady."""

MAX_BAD_FRAMES = 5
"""Frames in a row that may be empty or damaged before the connection is given up."""


class ReconnectingSource:
    """Live source that is opened again, with growing delays, for as long as it takes.

    One that is lost again and again before it lasted is *unsteady*: its frames are used, but it is
    offline to others until it lasts. A few bad frames are passed over. What repeats is logged the
    first, second, fourth, eighth time. The log calls it `name`; `opener` opens it, or raises
    SourceError.

    Attributes:
        online: whether the last attempt to read gave a frame; None before the first.
        damaged: how many frames were passed over: they were empty, or could not be decoded.
    """

    def __init__(
        self,
        name: str,
        opener: Callable[[], LiveSource],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        settings: LiveSettings = UNCHANGED,
    ) -> None:
        self.online: bool | None = None
        self._name, self._opener, self._clock, self._sleep = name, opener, clock, sleep
        self._source: LiveSource | None = None
        self._connected = False
        self._failures = self._losses = self._bad_frames = self._missing = 0
        self.damaged = self._complaints = 0
        self._retry_at = self._steady_at = clock()
        self._settings, self._read_at = settings, -math.inf
        self._monitor = BlindnessMonitor(name, settings.blind_after_s)

    @property
    def blindness(self) -> CameraState | None:
        """How it is blind, where it is: frozen or dark."""
        return self._monitor.state if self.online else None

    def read(self) -> Frame | None:
        """Return the next frame, or None while the source is away. Never fails."""
        wait = self._retry_at - self._clock()
        if wait > 0:
            self._sleep(min(wait, MAX_WAIT))
            return None
        try:
            if self._source is None:
                self._source = self._opener()
            self._skip_until(self._source, self._read_at + self._settings.min_interval_s)
            with native_stderr().caught():
                frame = self._source.read()
        except SourceError as error:
            self._note_failure(error)
            return None
        for line in native_stderr().take():
            self._complaints += 1
            self._log_count(
                "images decoded with a complaint so far: %d (%s)", self._complaints, line[:200]
            )
        if frame is not None:
            for _ in range(self._missing):
                self._pass_over("empty or damaged")
            self._bad_frames = self._missing = 0
            self._mark_online()
            self._read_at = self._clock()
            self._monitor.update(frame.image, self._read_at)
            return self._settings.oriented(frame)
        return None

    def _skip_until(self, source: LiveSource, due: float) -> None:
        """Drop the frames that come before the one that is due."""
        now, wait = self._clock(), 0.0
        while now + wait < due - ROUNDING_S:
            source.skip()
            before, now = now, self._clock()
            wait = now - before  # as long as the next frame will take

    def skip(self) -> None:
        """Drop the next frame, where there is a source that gives one. Never fails."""
        try:
            if self._source is not None:
                self._source.skip()
        except SourceError as error:
            self._note_failure(error)

    def close(self) -> None:
        """Close the source, if there is one; the next read opens it again."""
        self.online, self._connected = None, False
        self._release()

    def _release(self) -> None:
        self._bad_frames = self._missing = 0
        self._monitor.reset()
        if self._source is not None:
            self._source.close()
            self._source = None

    def _pass_over(self, reason: str) -> None:
        self.damaged += 1
        self._log_count("bad frames passed over so far: %d (%s)", self.damaged, reason)

    def _log_count(self, text: str, count: int, reason: str) -> None:
        if count.bit_count() == 1:
            log.warning(f"%s: {text}", self._name, count, reason)

    def _mark_online(self) -> None:
        now = self._clock()
        if not self._connected:
            self._connected, self._steady_at = True, now + STEADY_S
        steady = now >= self._steady_at
        if not self.online and (steady or self._losses < MAX_LOSSES):
            after = f" steadily, after {self._losses} losses" if self._losses >= MAX_LOSSES else ""
            log.info("%s: frames are coming%s", self._name, after)
            self.online = True
        if steady:
            self._failures = self._losses = 0

    def _note_failure(self, error: SourceError) -> None:
        """Pass over a bad frame; where there are too many, or it is more than that, go offline."""
        if isinstance(error, InputError | NoFrameError) and not isinstance(error, OversizedError):
            self._bad_frames += 1
            if isinstance(error, InputError):
                self._pass_over(str(error))
            else:  # it is known by the next frame that it was not the end
                self._missing += 1
            if self._bad_frames <= MAX_BAD_FRAMES:
                return
        lost, self._connected = self._connected, False
        self._losses += lost
        rounds, rest = divmod(self._losses, MAX_LOSSES)
        if not rounds and self.online is not False:
            log.warning("%s: %s; trying again until it is back", self._name, error)
        elif lost and not rest and rounds.bit_count() == 1:  # after 3 losses, 6, 12, 24
            text = "%s: unsteady: lost %d times (%s); offline until it lasts %.0f s"
            log.warning(text, self._name, self._losses, error, STEADY_S)
        self.online = False
        self._release()
        delay = min(FIRST_DELAY * 2**self._failures, MAX_DELAY)
        # Jitter keeps a fleet that lost one server from returning all at once.
        self._retry_at = self._clock() + delay * random.uniform(0.5, 1.0)
        self._failures = min(self._failures + 1, 10)


class PausableSource:
    """Reads a source unless it is paused; another may take the source's place.

    Some frames of a live source are skipped while it is idle. One thread reads, replaces and
    closes; any thread may pause and ask.

    Attributes:
        live: whether frames come whether or not they are read.
        idle: nobody is there and nothing moves; the thread that tracks faces sets it.
        paused_until: when a pause is over, in UTC, where that is known; for display only.
    """

    def __init__(self, source: Source, live: bool) -> None:
        self.live, self.idle = live, False
        self.paused_until: datetime | None = None
        self._source, self._last_read, self._closed = source, 0.0, False
        self._damaged_before = 0
        self._enabled = threading.Event()
        self._enabled.set()

    def read(self) -> Frame | None:
        """Return the next frame, None where there is none or it is paused; errors as `Source`."""
        if not self.enabled:
            if self.live:
                self._source.close()  # a file stays open, where it is
            self._enabled.wait(MAX_WAIT)
            return None
        while (  # of an idle scene: frames must be taken, or they would wait
            self.idle
            and self._source.online
            and isinstance(self._source, LiveSource)
            and time.monotonic() - self._last_read < IDLE_FRAME_INTERVAL
        ):
            self._source.skip()
        frame = self._source.read()
        self._last_read = time.monotonic()
        return frame

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
        source = self._source
        blindness = source.blindness if isinstance(source, ReconnectingSource) else None
        return blindness or CameraState.ONLINE

    @property
    def damaged(self) -> int:
        """Number of frames, of this live source and those before, that could not be decoded."""
        source = self._source
        damaged = source.damaged if isinstance(source, ReconnectingSource) else 0
        return self._damaged_before + damaged

    @property
    def expects_frames(self) -> bool:
        """Tell whether frames should come: it is not paused, and not known to be offline."""
        return self.enabled and self._source.online is not False
