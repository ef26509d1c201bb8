"""Monitor of a camera that gives frames and sees nothing: one image for ever, or a black one."""

import logging
import math

import cv2
import numpy as np

from edge.types import CameraState, GrayImage, Image

INTERVAL_S = 1.0
"""Seconds between two looks: what a look takes is a few microseconds a frame."""

STEP = 8
"""Distance in pixels of those that are looked at: noise changes nearly every pixel of a JPEG's
block, or none."""

CELLS = (8, 6)
"""Parts of the image, across and down, that are averaged, so that noise is not taken for light."""

DARK, BRIGHT = 40, 50
"""Gray levels, 0-255: darkness begins where no part is brighter than a face must be to be read (as
the default of `quality.min_brightness`), and ends a little above, so that dusk does not flap."""

REASONS = {
    CameraState.DARK: "no part of the image was bright",
    CameraState.FROZEN: "the image has been the same",
}

log = logging.getLogger(__name__)


class BlindnessMonitor:
    """Tells whether a camera, called `name` in the log, has been blind for `limit_s`; 0 is never.

    The noise of a real sensor changes an image of the stillest scene: only one that is repeated to
    the last bit is frozen.

    Attributes:
        state: frozen or dark; None where it sees.
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
        if not self._limit_s or now < self._looked_at + INTERVAL_S:
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
