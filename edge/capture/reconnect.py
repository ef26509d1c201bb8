"""Live source that is opened again whenever it is lost, and watched for blindness."""

import logging
import math
import random
import time
from collections.abc import Callable

import cv2
import numpy as np

from edge.capture.source import MAX_WAIT, ROUNDING_S, LiveSettings, LiveSource, OversizedError
from edge.errors import InputError, SourceError
from edge.terminal import caught_stderr
from edge.types import CameraState, Frame, GrayImage, Image

FIRST_DELAY, MAX_DELAY = 0.5, 15.0  # seconds between attempts; a camera is found within the last
STEADY_S = 30.0  # seconds of frames after which a connection has lasted, and delays begin anew
MAX_LOSSES = 3  # connections lost in a row before they lasted, after which it is unsteady
MAX_BAD_FRAMES = 5  # frames in a row that may be empty or damaged before the connection is given up
IDLE_INTERVAL_S = 0.1  # between the frames decoded of an idle scene: who comes is seen so late
LOOK_INTERVAL_S = 1.0  # seconds between two looks for blindness
STEP = 8  # pixels between those looked at: noise changes nearly all of a JPEG's block, or none
CELLS = (8, 6)  # parts, across and down, that are averaged, so that noise is not taken for light

DARK, BRIGHT = 40, 50
"""Gray levels, 0-255: darkness begins where no part is brighter than a face must be to be read (as
the default of `quality.min_brightness`), and ends a little above, so that dusk does not flap."""

REASONS = {"dark": "no part of the image was bright", "frozen": "the image has been the same"}

log = logging.getLogger(__name__)


class ReconnectingSource:
    """Live source that is opened again, with growing delays, for as long as it takes.

    One that is lost again and again before it lasted is *unsteady*: its frames are used, but it is
    offline to others until it lasts. A few bad frames are passed over. What repeats is logged the
    first, second, fourth, eighth time, by its `name`.

    Attributes:
        idle: nobody is there and nothing moves: some frames are skipped.
        online: whether the last attempt to read gave a frame; None before the first.
        damaged: how many frames were passed over: they were empty, or could not be decoded.
    """

    def __init__(
        self,
        name: str,
        opener: Callable[[], LiveSource],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        settings: LiveSettings | None = None,
    ) -> None:
        self.online: bool | None = None
        self._name, self._opener, self._clock, self._sleep = name, opener, clock, sleep
        self._source: LiveSource | None = None
        self.idle = self._connected = False
        self.damaged = self._bad_frames = self._complaints = self._failures = self._losses = 0
        self._retry_at = self._steady_at = clock()
        self.settings, self._read_at = settings or LiveSettings(blind_after_s=0.0), -math.inf
        self._monitor = BlindnessMonitor(name, self.settings.blind_after_s)

    @property
    def blindness(self) -> CameraState | None:
        """Frozen or dark; None where it sees or is away."""
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
            interval = max(self.settings.min_interval_s, IDLE_INTERVAL_S if self.idle else 0.0)
            if not self._skip_until(self._source, self._read_at + interval):
                return None
            with caught_stderr() as lines:
                frame = self._source.read()
        except SourceError as error:
            self._note_failure(error)
            return None
        for line in lines:
            self._complaints += 1
            text = "images decoded with a complaint so far: %d (%s)"
            self._log_count(text, self._complaints, line[:200])
        if frame is None:
            return None
        self._bad_frames, self._read_at = 0, self._clock()
        self._mark_online(self._read_at)
        self._monitor.update(frame.image, self._read_at)
        return self.settings.oriented(frame)

    def _skip_until(self, source: LiveSource, due: float) -> bool:
        """Drop the frames that come before the one that is due; tell whether it is the next."""
        now, wait = self._clock(), 0.0
        until = now + MAX_WAIT
        while now + wait < due - ROUNDING_S:
            if now >= until:
                return False
            source.skip()
            before, now = now, self._clock()
            wait = now - before  # as long as the next frame will take
        return True

    def close(self) -> None:
        """Close the source, if there is one; the next read opens it again."""
        self.online, self._connected = None, False
        self._release()

    def _release(self) -> None:
        self._bad_frames = 0
        self._monitor.reset()
        if self._source is not None:
            self._source.close()
            self._source = None

    def _log_count(self, text: str, count: int, reason: str) -> None:
        if count.bit_count() == 1:
            log.warning(f"%s: {text}", self._name, count, reason)

    def _mark_online(self, now: float) -> None:
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
        if isinstance(error, InputError) and not isinstance(error, OversizedError):
            self._bad_frames += 1
            self.damaged += 1
            self._log_count("bad frames passed over so far: %d (%s)", self.damaged, str(error))
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


class BlindnessMonitor:
    """Tells whether a camera, called `name` in the log, has been blind for `limit_s`; 0 is never.

    A sensor's noise changes an image of the stillest scene: one that is equal to the last bit is
    frozen. Its `state` is frozen or dark; None where it sees.
    """

    def __init__(self, name: str, limit_s: float) -> None:
        self._name, self._limit_s = name, limit_s
        self.reset()

    def reset(self) -> None:
        """Begin anew: what comes next is another connection's."""
        self.state: CameraState | None = None
        self._sample: GrayImage | None = None
        self._looked_at = self._changed_at = self._lit_at = -math.inf

    def update(self, image: Image, now: float) -> None:
        """Look at a frame, BGR uint8 (height, width, 3), once a second; log what begins or ends."""
        if not self._limit_s or now < self._looked_at + LOOK_INTERVAL_S:
            return
        few = np.ascontiguousarray(image[::STEP, ::STEP])
        sample = np.asarray(cv2.cvtColor(few, cv2.COLOR_BGR2GRAY), np.uint8)
        level = cv2.resize(sample, CELLS, interpolation=cv2.INTER_AREA).max()
        if self._sample is None or not np.array_equal(sample, self._sample):
            self._changed_at = now
        if self._sample is None or level > (BRIGHT if self.state is CameraState.DARK else DARK):
            self._lit_at = now
        self._sample, self._looked_at, before = sample, now, self.state
        since, self.state = now - self._limit_s, None
        if self._lit_at <= since:
            self.state = CameraState.DARK
        elif self._changed_at <= since:
            self.state = CameraState.FROZEN
        if before is not self.state:
            if before is not None:
                log.info("%s: no longer %s", self._name, before)
            if self.state is not None:
                text = f"%s: %s: {REASONS[self.state]} for %g s"
                log.warning(text, self._name, self.state, self._limit_s)
