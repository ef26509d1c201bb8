"""Faces found now and then, and followed in between."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import cached_property
from typing import Annotated

import cv2
import msgspec
import numpy as np

from edge.detect.detector import Detector
from edge.detect.image_ops import grey, shrink
from edge.geometry import Box, CropCalibration, Shift
from edge.track.cpu_budget import CostEstimate, CpuBudget
from edge.track.landmark_filter import filter_faces
from edge.track.motion import MotionDetector, is_cut
from edge.track.optical_flow import track_box
from edge.track.tracker import Tracker, TrackerSettings
from edge.types import Face, Frame, GrayImage, Image, TrackedFrame

WIDTH = 320
"""Pixels across the grey copy in which motion is looked for."""


class SchedulerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When the detector runs.

    Attributes:
        every: it runs at each so many-th frame, and sooner when a face is new or was lost; between,
            faces are followed by their pixels. Where nothing moves but known faces, it runs a third
            as often.
        cpu_budget: share of one core that finding and following may use with a live source; beyond
            it the detector waits. Files are searched as if there were no limit, so that a run gives
            the same events every time.
        max_interval: seconds after which it runs whatever the budget says and whether or not
            anything moves.
        min_motion: difference in grey values (0-255) of any small part of the picture, below which
            nothing moves and the detector waits; 0 never waits.
        full_interval: seconds between searches of the whole picture, for a detector that is faster
            near known faces: how long a new face may go unseen by it.
    """

    every: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 2
    cpu_budget: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)] = 0.15
    max_interval: Annotated[float, msgspec.Meta(gt=0.0, le=60.0)] = 1.0
    min_motion: Annotated[float, msgspec.Meta(ge=0.0, le=255.0)] = 6.0
    full_interval: Annotated[float, msgspec.Meta(ge=0.0, le=60.0)] = 0.5


AROUND = 1.6
"""What moves within a square of so many sides of a known face is taken for its own: head, hair,
neck."""

PATIENCE = 3
"""While nothing but known faces moves, so many times as many frames pass between detections: they
are followed by their pixels, and nobody new can have come."""

PADDING = 0.5
"""Width of the border around an image that is looked at once more, in parts of its own sides."""

QUIET_SECONDS = 3.0
"""Without a face and without motion, after which a scene is called quiet."""


class GrayFrame:
    """A frame's small grey copy, made when it is first looked at: many frames never need it."""

    def __init__(self, frame: Frame) -> None:
        self.size = frame.size
        self._image = frame.image

    @cached_property
    def grey(self) -> GrayImage:
        """The copy; read off, not averaged, which takes a tenth of the time."""
        return grey(shrink(self._image, WIDTH, cv2.INTER_LINEAR)[0])


def detect_padded(detector: Detector, image: Image) -> list[Face]:
    """Return the faces that a detector finds in an image with a gray border around it.

    A face that fills an image is larger than any a detector has learnt: of 250 portraits whose face
    is as high as the image, the built-in one finds 88 % as they are, and 94 % with a second look at
    a padded copy (2026-11-29).
    """
    height, width = image.shape[:2]
    down, right = round(PADDING * height), round(PADDING * width)
    padded = cv2.copyMakeBorder(
        image, down, down, right, right, cv2.BORDER_CONSTANT, value=(127, 127, 127)
    )
    back = Shift(-right, -down)
    found = detector.detect(np.asarray(padded, dtype=np.uint8))
    return [
        replace(face, box=face.box.moved(back), points=face.points and face.points.moved(back))
        for face in found
    ]


class DetectionScheduler:
    """Turns frames into tracks, as cheaply as it can.

    Args:
        detector: finds faces.
        tracker: when tracks begin and end.
        settings: when the detector runs.
        live: whether the budget counts.
        ids: of the tracks, shared with a follower that this one replaces.

    Attributes:
        detections: in how many frames the detector ran.
        quiet: whether nobody was there and nothing moved for a while.
    """

    def __init__(
        self,
        detector: Detector,
        tracker: TrackerSettings,
        settings: SchedulerSettings,
        live: bool,
        ids: Iterator[int] | None = None,
    ) -> None:
        self.detections = 0
        self.quiet = False
        self._detector = detector
        self._tracker = Tracker(tracker, ids)
        self._settings = settings
        self._budget = CpuBudget(settings.cpu_budget) if live else None
        self._finding, self._following = CostEstimate(), CostEstimate()
        self._motion = MotionDetector()
        self._before: GrayFrame | None = None
        self._known: list[Box] = []
        self._since_detection = 0
        self._detected = self._searched = float("-inf")
        self._lively: float | None = None

    @property
    def detector(self) -> str:
        """The name of the detector."""
        return self._detector.name

    @property
    def crop_fit(self) -> CropCalibration:
        """What the detector's boxes need to become crops."""
        return self._detector.crop_fit

    @property
    def max_missed(self) -> float:
        """Seconds a track outlives the last frame in which it was seen."""
        return self._tracker.max_missed

    def update(self, frame: Frame) -> TrackedFrame:
        """Return the tracks in `frame`."""
        if frame.still:
            return self._detect(frame)
        if self._budget is not None:
            self._budget.earn(frame.timestamp)
        with self._budget.spending() if self._budget else nullcontext():
            return self._follow(frame)

    def _follow(self, frame: Frame) -> TrackedFrame:
        glance, before = GrayFrame(frame), self._before
        self._before = glance
        self._since_detection += 1
        if before is not None and self._begins_anew(before, glance):
            before = None
            self._tracker.clear()
        calm = before is not None and self._calm(glance)
        self._note(frame, calm)
        if before is None or self._overdue(frame):
            return self._find(frame, glance)
        if calm:
            return self._tracker.carry(frame, lambda box: Shift(0.0, 0.0))
        if (self._due(frame, glance) or self._following_is_dearer) and self._affordable:
            return self._find(frame, glance)
        with self._following.paid(len(self._tracker.boxes)):
            return self._carry(frame, before.grey, glance.grey)

    def _begins_anew(self, before: GrayFrame, glance: GrayFrame) -> bool:
        """Tell whether who was seen before is not who is seen now, though in the same place.

        Cuts are looked for in files alone: what jumps before a camera is the light.
        """
        if before.size != glance.size:
            return True
        return self._budget is None and is_cut(before.grey, glance.grey)

    def _calm(self, glance: GrayFrame) -> bool:
        """Tell whether all faces are known and nothing moved since the detector ran."""
        if self._tracker.uncertain or not self._settings.min_motion:
            return False
        return self._motion.since_kept(glance.grey) < self._settings.min_motion

    def _note(self, frame: Frame, calm: bool) -> None:
        """Note whether the scene is quiet."""
        if self._lively is None or not calm or self._tracker.boxes:
            self._lively = frame.timestamp
        self.quiet = frame.timestamp - self._lively >= QUIET_SECONDS

    def _due(self, frame: Frame, glance: GrayFrame) -> bool:
        """Tell whether the detector should run.

        One that is dear where nobody is known looks for somebody only now and then.
        """
        if self._detector.searches_near and not self._tracker.boxes:
            return self._full_due(frame)
        if self._tracker.uncertain:
            return True
        if self._since_detection < self._settings.every:
            return False
        patient = self._since_detection < PATIENCE * self._settings.every
        return not patient or self._stirs_elsewhere(glance)

    def _stirs_elsewhere(self, glance: GrayFrame) -> bool:
        """Tell whether anything but known faces moved since the detector ran."""
        if not self._settings.min_motion:
            return True
        scale = glance.grey.shape[1] / glance.size[0]
        known = [
            Box.around(box.center, AROUND * max(box.width, box.height)).moved(Shift(0, 0, scale))
            for box in (*self._known, *self._tracker.boxes)
        ]
        return self._motion.elsewhere(glance.grey, known) >= self._settings.min_motion

    def _full_due(self, frame: Frame) -> bool:
        return frame.timestamp - self._searched >= self._settings.full_interval

    @property
    def _following_is_dearer(self) -> bool:
        """Tell whether to follow all faces takes longer than to look for them, as in a crowd.

        With a file it does not count: what is measured differs from run to run.
        """
        each, all_at_once = self._following.seconds, self._finding.seconds
        if self._budget is None or each is None or all_at_once is None:
            return False
        return each * len(self._tracker.boxes) > all_at_once

    @property
    def _affordable(self) -> bool:
        return self._budget is None or self._budget.allows

    def _overdue(self, frame: Frame) -> bool:
        return frame.timestamp - self._detected >= self._settings.max_interval

    def _find(self, frame: Frame, glance: GrayFrame) -> TrackedFrame:
        """Run the detector, near the known faces where that is enough."""
        if self._settings.min_motion:
            self._motion.keep(glance.grey)
        self._detected, self._since_detection = frame.timestamp, 0
        self._known = self._tracker.boxes
        known = self._tracker.boxes
        if self._detector.searches_near and self._full_due(frame):
            known = []
        if not known:
            self._searched = frame.timestamp
        return self._detect(frame, known)

    def _detect(self, frame: Frame, known: Sequence[Box] = ()) -> TrackedFrame:
        self.detections += 1
        with self._finding.paid():
            faces = filter_faces(self._detector.detect(frame.image, known))
            if frame.still and not faces:
                faces = filter_faces(detect_padded(self._detector, frame.image))
        return self._tracker.update(frame, faces)

    def _carry(self, frame: Frame, before: GrayImage, after: GrayImage) -> TrackedFrame:
        """Follow the faces by their pixels."""
        scale = after.shape[1] / frame.image.shape[1]

        def movement(box: Box) -> Shift | None:
            shift = track_box(before, after, box.moved(Shift(0.0, 0.0, scale)))
            return shift and Shift(shift.right / scale, shift.down / scale, shift.scale)

        return self._tracker.carry(frame, movement)
