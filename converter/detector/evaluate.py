"""Detectors run on annotated images: what each finds, and in what time."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import cv2
import msgspec
import numpy as np

from converter.detector.annotations import AnnotatedImage
from converter.detector.average_precision import MIN_SCORE, Detections, Truth
from edge.config import parse_detector
from edge.detect import (
    AutoSettings,
    Detector,
    DetectorSettings,
    HaarSettings,
    detector_kinds,
    open_detector,
)
from edge.errors import ConfigError, DataError, EmotiondError
from edge.types import Face, Image

Size = tuple[int, int]
"""Width and height in pixels."""

REFERENCE_SIZE: Size = (320, 240)
"""Faces are as high as they are once the image is fitted into this, whatever is searched."""


@dataclass(frozen=True, slots=True)
class DetectorVariant:
    """One detector with its settings.

    Attributes:
        name: its kind, and the settings that are not the default.
    """

    name: str
    settings: DetectorSettings


def parse_variant(text: str) -> DetectorVariant:
    """Return what one `--detector` asks for: a kind, or a mapping in YAML.

    Raises:
        ConfigError: there is no such detector or setting.
    """
    settings = parse_detector(text)
    default = msgspec.structs.asdict(type(settings)())
    changed = [
        f"{key} {value.name if isinstance(value, Path) else value}"  # tables do not show folders
        for key, value in msgspec.structs.asdict(settings).items()
        if value != default[key]
    ]
    return DetectorVariant(", ".join([str(settings.__struct_config__.tag), *changed]), settings)


def available_variants(report: Callable[[str], object]) -> Iterator[DetectorVariant]:
    """Yield every detector that can be opened, with its default settings.

    Args:
        report: called with a line for each that cannot be.
    """
    for kind in detector_kinds():
        if kind == "auto":  # it stands for one of the others
            continue
        variant = parse_variant(kind)
        try:
            open_detector(variant.settings)
        except EmotiondError as error:
            report(f"without {kind}: {error}\n")
        else:
            yield variant


def with_min_threshold(settings: DetectorSettings) -> DetectorSettings:
    """Return settings that find all that the detector can, however unsure it is.

    Average precision asks for what is found at every threshold. Haar's confidence is the score of
    its last stage, and its threshold a number of neighbors: 1 is the lowest that still makes one
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
            return msgspec.structs.replace(settings, min_confidence=MIN_SCORE)


@dataclass(frozen=True, slots=True, eq=False)
class DetectorResults:
    """Detections of one detector in some images.

    Attributes:
        name: of the detector, with the settings that are not the default.
        found: in each image, fitted into `REFERENCE_SIZE`, at the lowest threshold.
        usual: the same at the threshold that was asked for.
        thread_ms, wall_ms: median milliseconds an image at that threshold, of the CPU time of the
            thread and by the clock, from an image of the size searched to its faces.
    """

    name: str
    found: tuple[Detections, ...]
    usual: tuple[Detections, ...]
    thread_ms: float
    wall_ms: float


def evaluate_detectors(
    variants: Sequence[DetectorVariant],
    images: Sequence[AnnotatedImage],
    size: Size = REFERENCE_SIZE,
) -> list[DetectorResults]:
    """Run each detector on each image, fitted into `size`.

    They take turns at every image, on one thread, so that a busy machine is busy for all.

    Raises:
        ConfigError: a detector cannot be opened.
        DataError: there is no image, or one cannot be read.
        ModelError: a detector's file is damaged.
    """
    if not images:
        raise DataError("expected photographs to judge detectors by, found none")
    runners = [_Runner(variant) for variant in variants]
    with _one_thread():
        for number, annotated in enumerate([images[0], *images]):
            image = fit(annotated.read(), size)
            for runner in runners:
                # A first call makes buffers that others reuse.
                runner.run(image, annotated, warm_up=number == 0)
    return [runner.results() for runner in runners]


class _Runner:
    """A detector as it is used, and another at the lowest threshold."""

    def __init__(self, variant: DetectorVariant) -> None:
        self._name = variant.name
        self._usual_detector = open_detector(variant.settings)
        self._thorough_detector = open_detector(with_min_threshold(variant.settings))
        self._found: list[Detections] = []
        self._usual: list[Detections] = []
        self._times: list[tuple[float, float]] = []

    def run(self, image: Image, annotated: AnnotatedImage, warm_up: bool) -> None:
        """Search an image, which is `annotated` in the size to be searched."""
        faces, times = _time(self._usual_detector, image)
        found = self._thorough_detector.detect(image)
        if not warm_up:
            self._found.append(_detections(found, image, annotated))
            self._usual.append(_detections(faces, image, annotated))
            self._times.append(times)

    def results(self) -> DetectorResults:
        thread_ms, wall_ms = (median(times) for times in zip(*self._times, strict=True))
        return DetectorResults(
            self._name, tuple(self._found), tuple(self._usual), thread_ms, wall_ms
        )


def reference_truth(image: AnnotatedImage) -> Truth:
    """Return the faces of an image, fitted into `REFERENCE_SIZE`."""
    scale = _scale((image.width, image.height), REFERENCE_SIZE)
    return Truth(image.boxes * scale, image.ignored)


def fit(image: Image, size: Size) -> Image:
    """Return an image as large as fits into `size`, its proportions kept."""
    height, width = image.shape[:2]
    scale = _scale((width, height), size)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    target = max(1, round(scale * width)), max(1, round(scale * height))
    return np.asarray(cv2.resize(image, target, interpolation=method), dtype=np.uint8)


def _scale(size: Size, room: Size) -> float:
    return min(room[0] / size[0], room[1] / size[1])


def _time(detector: Detector, image: Image) -> tuple[list[Face], tuple[float, float]]:
    """Return the faces, and the milliseconds of the thread and of the clock that they took."""
    thread, wall = time.thread_time(), time.perf_counter()
    faces = detector.detect(image)
    return faces, (1000 * (time.thread_time() - thread), 1000 * (time.perf_counter() - wall))


def _detections(faces: Sequence[Face], image: Image, annotated: AnnotatedImage) -> Detections:
    """Return the faces found in `image`, as `reference_truth` has those that are there."""
    scale = _scale((annotated.width, annotated.height), REFERENCE_SIZE)
    across, down = annotated.width / image.shape[1], annotated.height / image.shape[0]
    factors = scale * np.array([across, down, across, down])
    boxes = np.array([face.box.edges for face in faces]).reshape(-1, 4)
    scores = np.array([face.confidence for face in faces])
    return Detections(boxes * factors, scores)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let OpenCV run one thread, as it does in the daemon."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
