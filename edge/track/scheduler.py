"""Detection scheduler: runs the detector every few frames, and tracks or skips in between."""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Annotated, Literal

import cv2
import msgspec
import numpy as np

from edge.detect.detector import Detector, OrientationProbe, filter_faces
from edge.detect.image_ops import shrink_by_mean, shrink_to_width, to_gray
from edge.geometry import Box, Shift
from edge.track.motion import CELLS, is_cut, max_change, track_box
from edge.track.tracker import Tracker, TrackerSettings
from edge.types import Face, Frame, GrayImage, Image, TrackedFrame
from edge.zones import Polygon, black_out

GRAY_WIDTH = 320  # pixels across the gray copy in which motion is measured and faces are tracked
FACE_MARGIN = 1.6  # side of the square, in those of a known face, in which motion is its own
STATIC_INTERVAL_FACTOR = 3  # on the detection interval while nothing but known faces moves
PADDING = 0.5  # border around a still that is searched again, in parts of its own sides
IDLE_SECONDS = 3.0  # seconds without a face and without motion after which a scene is idle
BURST_SECONDS = 1.0  # seconds whose share of CPU time can be saved up, or owed
EWMA_ALPHA = 0.1  # weight of the newest value in the average cost


class SchedulerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of when the detector runs.

    Attributes:
        interval_frames: between detections, less when a face is new or was lost; in between, faces
            are tracked by optical flow. Where nothing but known faces moves, it is three times as
            long.
        cpu_budget: share of one core that detection and tracking may use with a live source; beyond
            it the detector waits. Files have no limit, so that a run gives the same events every
            time.
        max_interval_s: seconds after which the detector runs whatever the budget and the motion.
        motion_threshold: difference in gray levels (0-255) of any small part of the image, below
            which nothing moves and the detector waits; 0 never waits.
        full_search_interval_s: seconds between searches of the whole image, for a detector that is
            faster near known faces: how long a new face may go unseen by it.
    """

    interval_frames: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 2
    cpu_budget: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)] = 0.15
    max_interval_s: Annotated[float, msgspec.Meta(gt=0.0, le=60.0)] = 1.0
    motion_threshold: Annotated[float, msgspec.Meta(ge=0.0, le=255.0)] = 6.0
    full_search_interval_s: Annotated[float, msgspec.Meta(ge=0.0, le=60.0)] = 0.5


class CpuBudget:
    """Token bucket of CPU time: a share of one core, on the clock of the thread that works."""

    def __init__(self, share: float) -> None:
        self._share, self._credit = share, share * BURST_SECONDS
        self._refilled_at = math.inf

    @property
    def available(self) -> bool:
        """Tell whether any CPU time is left."""
        return self._credit > 0

    def refill(self, now: float) -> None:
        """Add the share of the time since the last call, in seconds of any one clock."""
        elapsed, self._refilled_at = max(0.0, now - self._refilled_at), now
        self._credit = min(self._share * BURST_SECONDS, self._credit + self._share * elapsed)

    @contextmanager
    def charge(self) -> Iterator[None]:
        """Subtract the CPU time that the block takes."""
        started = time.thread_time()
        try:
            yield
        finally:
            left = self._credit - (time.thread_time() - started)
            self._credit = max(-self._share * BURST_SECONDS, left)


class CostEstimate:
    """Exponential average of the CPU `seconds` that one kind of work takes; 0 before the first."""

    seconds = 0.0

    @contextmanager
    def measure(self, count: int = 1) -> Iterator[None]:
        """Add the cost of the block, which does that work `count` times."""
        started = time.thread_time()
        yield
        cost = (time.thread_time() - started) / max(1, count)
        self.seconds += (EWMA_ALPHA if self.seconds else 1.0) * (cost - self.seconds)


class GrayFrame:
    """Small gray copy of a frame, made when it is first needed: many frames never need it."""

    def __init__(self, frame: Frame) -> None:
        self.size, self._image = frame.size, frame.image

    @cached_property
    def gray(self) -> GrayImage:
        """The copy; interpolated, not averaged, which takes a tenth of the time."""
        small = shrink_to_width(self._image, GRAY_WIDTH, cv2.INTER_LINEAR)[0]
        self._image = small  # the frame itself is not looked at again, and need not be kept
        return to_gray(small)

    @cached_property
    def cells(self) -> GrayImage:
        """Mean gray values of cells, compared between frames to detect motion."""
        return shrink_by_mean(self.gray, CELLS)


def detect_padded(detector: Detector, image: Image) -> list[Face]:
    """Return the faces that a detector finds in an image with a gray border around it.

    A face that fills an image is larger than any a detector was trained on: of 250 such portraits
    the built-in one finds 88 % as they are, 94 % with this second search (2026-11-29).
    """
    down, right = (round(PADDING * length) for length in image.shape[:2])
    sides, gray = (down, down, right, right), (127, 127, 127)
    padded = cv2.copyMakeBorder(image, *sides, cv2.BORDER_CONSTANT, value=gray)
    back = Shift(-right, -down)
    return [
        replace(face, box=face.box.moved(back), points=face.points and face.points.moved(back))
        for face in detector.detect(np.asarray(padded, dtype=np.uint8))
    ]


class DetectionScheduler:
    """Turns frames into tracks at the least cost; that of `live` sources has a budget.

    `ids` are as for `Tracker`. The regions to `ignore` are black in all that is searched, and in
    the frames that come out. `detections` counts the frames in which the detector ran; `idle` tells
    whether there was no face and no motion for a while.
    """

    def __init__(
        self,
        detector: Detector,
        tracker: TrackerSettings,
        settings: SchedulerSettings,
        live: bool,
        ids: Iterator[int] | None = None,
        *,
        ignore: Sequence[Polygon] = (),
    ) -> None:
        self.detector, self.crop_fit = detector.name, detector.crop_fit
        self.max_age_s, self.detections, self.idle = tracker.max_age_s, 0, False
        self._detector, self._tracker = detector, Tracker(tracker, ids)
        self._settings, self._ignore = settings, ignore
        self._budget = CpuBudget(settings.cpu_budget) if live else None
        self._detection_cost, self._tracking_cost = CostEstimate(), CostEstimate()
        self._orientation_probe = OrientationProbe(detector) if live else None
        self._reference: GrayImage | None = None
        self._previous: GrayFrame | None = None
        self._detected_near: list[Box] = []
        self._forgotten, self._frames_since_detection = False, 0
        self._detected_at, self._searched_fully_at, self._active_at = -math.inf, -math.inf, 0.0

    def forget(self) -> None:
        """End every track before the next frame; any thread may ask for it."""
        self._forgotten = True

    def update(self, frame: Frame) -> TrackedFrame:
        """Return the tracks in `frame`."""
        frame = black_out(frame, self._ignore)
        if self._forgotten:
            self._forgotten, self._previous = False, None
        if frame.still:
            return self._detect(frame)
        if self._budget is None:
            return self._update(frame)
        self._budget.refill(frame.timestamp)
        with self._budget.charge():
            return self._update(frame)

    def _update(self, frame: Frame) -> TrackedFrame:
        current, previous = GrayFrame(frame), self._previous
        self._previous = current
        self._frames_since_detection += 1
        # Cuts are looked for in files alone: before a camera, a sudden change is one of the light.
        if (
            previous is None
            or previous.size != current.size
            or (self._budget is None and is_cut(previous.gray, current.gray))
        ):
            self._tracker.clear()
            self._active_at, self.idle = frame.timestamp, False
            return self._run_detector(frame, current)
        # All faces are known and nothing moved since the last detection.
        threshold = self._settings.motion_threshold
        is_static = not self._tracker.needs_detection and self._change(current) < threshold
        if not is_static or self._tracker.boxes:
            self._active_at = frame.timestamp
        self.idle = frame.timestamp - self._active_at >= IDLE_SECONDS
        match self._decide(frame, current, is_static):
            case "detect":
                tracked = self._run_detector(frame, current)
                if self._orientation_probe is not None and not is_static:
                    self._orientation_probe.update(frame, bool(tracked.tracks))
                return tracked
            case "skip":
                return self._tracker.propagate(frame, lambda box: Shift(0.0, 0.0))
            case "track":
                return self._track(frame, previous, current)

    def _decide(
        self, frame: Frame, current: GrayFrame, is_static: bool
    ) -> Literal["detect", "track", "skip"]:
        """Return what to do within a scene; the first rule that holds decides."""
        if frame.timestamp - self._detected_at >= self._settings.max_interval_s:
            return "detect"
        if is_static:
            return "skip"
        if self._budget is not None:  # of a file, no cost counts: times differ from run to run
            tracking = self._tracking_cost.seconds * len(self._tracker.boxes)
            if not self._budget.available:
                return "track"
            if tracking > self._detection_cost.seconds > 0.0:  # as in a crowd
                return "detect"
        return "detect" if self._is_due(frame, current) else "track"

    def _is_due(self, frame: Frame, current: GrayFrame) -> bool:
        """Tell whether a face may be missed without a detection; the first rule decides."""
        intervals = self._frames_since_detection / self._settings.interval_frames
        if self._detector.searches_near and not self._tracker.boxes:
            return self._is_full_search_due(frame)  # it costs most where no face is known
        if self._tracker.needs_detection or intervals >= STATIC_INTERVAL_FACTOR:
            return True
        threshold = self._settings.motion_threshold
        if intervals < 1 or not threshold:
            return intervals >= 1
        boxes = (*self._detected_near, *self._tracker.boxes)
        return self._change(current, [box.square(FACE_MARGIN) for box in boxes]) >= threshold

    def _change(self, current: GrayFrame, outside: Sequence[Box] = ()) -> float:
        """Return how much changed since the last detection, outside known faces."""
        if self._reference is None:
            return 255.0
        return max_change(current.cells, self._reference, current.size, outside)

    def _is_full_search_due(self, frame: Frame) -> bool:
        return frame.timestamp - self._searched_fully_at >= self._settings.full_search_interval_s

    def _run_detector(self, frame: Frame, current: GrayFrame) -> TrackedFrame:
        """Detect in the whole image, or near the known faces where that is enough."""
        if self._settings.motion_threshold:
            self._reference = current.cells
        self._detected_at, self._frames_since_detection = frame.timestamp, 0
        known = self._detected_near = self._tracker.boxes
        if self._detector.searches_near and self._is_full_search_due(frame):
            known = []
        if not known:
            self._searched_fully_at = frame.timestamp
        return self._detect(frame, known)

    def _detect(self, frame: Frame, known: Sequence[Box] = ()) -> TrackedFrame:
        self.detections += 1
        with self._detection_cost.measure():
            faces = filter_faces(self._detector.detect(frame.image, known))
            if frame.still and not faces:
                faces = filter_faces(detect_padded(self._detector, frame.image))
        whole = not (known and self._detector.searches_near)
        return replace(self._tracker.update(frame, faces), searched=whole)

    def _track(self, frame: Frame, previous: GrayFrame, current: GrayFrame) -> TrackedFrame:
        """Move the tracks by optical flow between two gray copies."""
        scale = current.gray.shape[1] / current.size[0]

        def movement(box: Box) -> Shift | None:
            shift = track_box(previous.gray, current.gray, box.moved(Shift(0.0, 0.0, scale)))
            return shift and Shift(shift.right / scale, shift.down / scale, shift.scale)

        with self._tracking_cost.measure(len(self._tracker.boxes)):
            return self._tracker.propagate(frame, movement)
