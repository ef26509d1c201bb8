"""Detectors at work on photographs: what each finds, and in what time."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

import cv2
import msgspec
import numpy as np

from converter.detector.average_precision import LEAST, Detections, Truth
from converter.detector.detector_variants import DetectorVariant
from converter.detector.photographs import Photograph
from edge.detect import (
    AutoSettings,
    Detector,
    DetectorSettings,
    HaarSettings,
    open_detector,
)
from edge.errors import ConfigError, DataError
from edge.types import Face, Image

Size = tuple[int, int]
"""Width and height in pixels."""

MEASURE: Size = (320, 240)
"""Faces are as high as they are once the picture is fitted into this, whatever is searched."""


@dataclass(frozen=True, slots=True, eq=False)
class Performance:
    """What one detector did with some photographs.

    Attributes:
        name: of the detector, with the settings that are not the default.
        found: of each photograph, fitted into `MEASURE`, at the lowest threshold.
        usual: the same at the threshold that was asked for.
        thread_ms, wall_ms: median milliseconds a photograph at that threshold, of the processor
            time of the thread and by the clock, from a picture of the size searched to its faces.
    """

    name: str
    found: tuple[Detections, ...]
    usual: tuple[Detections, ...]
    thread_ms: float
    wall_ms: float


@dataclass(frozen=True, slots=True)
class _Look:
    found: Detections
    usual: Detections
    thread: float
    wall: float


class _Entrant:
    """A detector as it is used, and another at the lowest threshold."""

    def __init__(self, variant: DetectorVariant) -> None:
        self.name = variant.name
        self._usual = open_detector(variant.settings)
        self._thorough = open_detector(lowered(variant.settings))

    def look(self, image: Image, photograph: Photograph) -> _Look:
        """Search a picture, which is `photograph` in the size to be searched."""
        faces, thread, wall = _time(self._usual, image)
        found = _detections(self._thorough.detect(image), image, photograph)
        return _Look(found, _detections(faces, image, photograph), thread, wall)


def lowered(settings: DetectorSettings) -> DetectorSettings:
    """Return settings that find all that the detector can, however unsure it is.

    Average precision asks for what is found at every threshold. Haar's confidence is the score of
    its last stage, and its threshold a number of neighbours: 1 is the lowest that still makes one
    face of several hits on it. How finely and how small it searches stays as it was.

    Raises:
        ConfigError: they stand for another detector's.
    """
    match settings:
        case AutoSettings():
            raise ConfigError("auto stands for another detector; name the one to judge")
        case HaarSettings():
            return msgspec.structs.replace(settings, min_neighbors=1)
        case _:
            return msgspec.structs.replace(settings, min_confidence=LEAST)


def judge(
    variants: Sequence[DetectorVariant], photographs: Sequence[Photograph], size: Size = MEASURE
) -> list[Performance]:
    """Let each detector look at each photograph, fitted into `size`.

    They take turns at every photograph, on one thread, so that a busy machine is busy for all.

    Raises:
        ConfigError: a detector cannot be opened.
        DataError: there is no photograph, or one cannot be read.
        ModelError: a detector's file is damaged.
    """
    if not photographs:
        raise DataError("expected photographs to judge detectors by, found none")
    entrants = [_Entrant(variant) for variant in variants]
    with _one_thread():
        _take_turns(entrants, photographs[0], size)  # a first call makes buffers that others reuse
        rows = [_take_turns(entrants, photograph, size) for photograph in photographs]
    return [
        _perform(entrant.name, looks)
        for entrant, looks in zip(entrants, zip(*rows, strict=True), strict=True)
    ]


def measured_truth(photograph: Photograph) -> Truth:
    """Return what there is to find in a photograph, fitted into `MEASURE`."""
    scale = _scale((photograph.width, photograph.height), MEASURE)
    return Truth(photograph.boxes * scale, photograph.ignored)


def fit(image: Image, size: Size) -> Image:
    """Return a picture as large as fits into `size`, its proportions kept."""
    height, width = image.shape[:2]
    scale = _scale((width, height), size)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    target = max(1, round(scale * width)), max(1, round(scale * height))
    return np.asarray(cv2.resize(image, target, interpolation=method), dtype=np.uint8)


def _scale(size: Size, room: Size) -> float:
    return min(room[0] / size[0], room[1] / size[1])


def _take_turns(entrants: Sequence[_Entrant], photograph: Photograph, size: Size) -> list[_Look]:
    image = fit(photograph.read(), size)
    return [entrant.look(image, photograph) for entrant in entrants]


def _time(detector: Detector, image: Image) -> tuple[list[Face], float, float]:
    """Return the faces, and the milliseconds of the thread and of the clock that they took."""
    thread, wall = time.thread_time(), time.perf_counter()
    faces = detector.detect(image)
    return faces, 1000 * (time.thread_time() - thread), 1000 * (time.perf_counter() - wall)


def _detections(faces: Sequence[Face], image: Image, photograph: Photograph) -> Detections:
    """Return the faces found in `image`, as `measured_truth` has those of the photograph."""
    scale = _scale((photograph.width, photograph.height), MEASURE)
    across, down = photograph.width / image.shape[1], photograph.height / image.shape[0]
    factors = scale * np.array([across, down, across, down])
    boxes = np.array([face.box.edges for face in faces]).reshape(-1, 4)
    scores = np.array([face.confidence for face in faces])
    return Detections(boxes * factors, scores)


def _perform(name: str, looks: Sequence[_Look]) -> Performance:
    return Performance(
        name=name,
        found=tuple(look.found for look in looks),
        usual=tuple(look.usual for look in looks),
        thread_ms=median(look.thread for look in looks),
        wall_ms=median(look.wall for look in looks),
    )


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let OpenCV run one thread, as it does in the daemon."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
