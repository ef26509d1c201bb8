"""Drawn photographs whose faces are easily found again, and a teacher that finds them."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.detector.annotations import AnnotatedImage, Boxes
from converter.detector.samples import TrainingSample, is_validation
from converter.recipes import DetectorRecipe, SampleGeneratorConfig
from edge.geometry import Box, CropCalibration, KeyPoints, Point
from edge.types import Face, Image

PLAIN = SampleGeneratorConfig(
    smallest=32.0,
    largest=96.0,
    whole=0.0,
    mosaic=0.0,
    empty=0.0,
    portraits=0.0,
    close=0.0,
    turn=0.0,
    filled=0.0,
    contrast=0.0,
    brightness=0.0,
    tint=0.0,
    gray=0.0,
    blurred=0.0,
    noisy=0.0,
    compressed=0.0,
)
"""Scenes of nothing but enlarged parts, their pixels as they were."""

SMALL = DetectorRecipe(
    epochs=4,
    steps=2,
    batch_size=4,
    learning_rate=0.05,
    warmup_epochs=1,
    weight_decay=5e-4,
    ema=0.5,
    seed=1,
    dtype="float32",
    height=64,
    width=96,
    most_faces=5,
    mined_every=2,
    scenes=SampleGeneratorConfig(largest=50.0),
)
"""A training in small."""

GROUND = 30
"""Gray of a photograph where no face is."""

SHARES = np.array([[0.3, 0.35], [0.7, 0.35], [0.5, 0.55], [0.5, 0.8]], np.float32)
"""Where in its box a drawn face has its right eye, left eye, nose and mouth."""


def sample_of(
    image: Image, boxes: Sequence[Sequence[float]], ignored: Sequence[bool]
) -> TrainingSample:
    """Return a picture as a lesson, its points where `SHARES` says."""
    edges = np.array(boxes, np.float32).reshape(-1, 4)
    return TrainingSample(image, edges, points_of(edges), np.array(ignored, bool))


def points_of(boxes: Boxes) -> NDArray[np.float32]:
    """Return the points of drawn faces, float32 (n, 4, 2)."""
    corners, sides = boxes[:, None, :2], boxes[:, None, 2:] - boxes[:, None, :2]
    return np.asarray(corners + SHARES * sides, dtype=np.float32)


def patch(
    box: tuple[int, int, int, int],
    color: tuple[int, int, int] = (230, 230, 230),
    size: tuple[int, int] = (1600, 1300),
) -> TrainingSample:
    """Return a dark picture in which a box is filled with one colour."""
    image = np.full((size[1], size[0], 3), GROUND, np.uint8)
    image[box[1] : box[3], box[0] : box[2]] = color
    return sample_of(image, [box], [False])


def write_photographs(folder: Path, count: int) -> list[AnnotatedImage]:
    """Write so many photographs with a drawn face and half as many without; return them.

    A third of either is watched.
    """
    rng = np.random.default_rng(0)
    written: list[AnnotatedImage] = []
    for number in range(count + count // 2):
        path = _named(folder, watched=number % 3 == 0)
        image = rng.integers(20, 90, (90, 120, 3), dtype=np.uint8)
        boxes = [] if number >= count else [_draw_face(image, rng)]
        cv2.imwrite(str(path), image)
        edges = np.array(boxes, np.float32).reshape(-1, 4)
        ignored = np.zeros(len(edges), bool)
        written.append(AnnotatedImage(path, 120, 90, edges, ignored, "drawn", "train"))
    return written


def _named(folder: Path, watched: bool) -> Path:
    """Return a new file's name that says whether the photograph is watched."""
    number = len(list(folder.iterdir()))
    nothing = np.empty((0, 4), np.float32)
    for attempt in range(1000):
        path = folder / f"{number}-{attempt}.png"
        if (
            is_validation(AnnotatedImage(path, 1, 1, nothing, np.empty(0, bool), "", "train"))
            == watched
        ):
            return path
    raise AssertionError("no name is watched")


def _draw_face(image: Image, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Draw a bright oval with two dark eyes and a mouth; return its box."""
    half = int(rng.integers(10, 28))
    across = half * 4 // 5
    x = int(rng.integers(across, image.shape[1] - across))
    y = int(rng.integers(half, image.shape[0] - half))
    cv2.ellipse(image, (x, y), (across, half), 0, 0, 360, (210, 220, 230), -1)
    for side in (-1, 1):
        cv2.circle(image, (x + side * across // 2, y - half // 3), max(2, half // 6), (20,) * 3, -1)
    cv2.line(
        image, (x - across // 3, y + half // 2), (x + across // 3, y + half // 2), (40,) * 3, 2
    )
    return x - across, y - half, x + across, y + half


class Bright:
    """Sees a face in every bright area, its points where `SHARES` says.

    Args:
        confidence: of each.
        pointed: whether it tells the points.
    """

    name = "bright"
    searches_near = False
    crop_fit = CropCalibration(1.0, 0.0, 0.0)

    def __init__(self, confidence: float = 0.9, pointed: bool = True) -> None:
        self._confidence = confidence
        self._pointed = pointed

    def detect(self, image: Image, near: Sequence[Box] = ()) -> list[Face]:
        bright = (image.min(axis=2) > 150).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(bright)
        return [self._face(*row[:4].tolist()) for row in stats[1:] if row[4] > 50]

    def _face(self, x: int, y: int, width: int, height: int) -> Face:
        box = Box(x, y, x + width, y + height)
        (points,) = points_of(np.array([box.edges], np.float32)).tolist()
        known = KeyPoints(*(Point(*point) for point in points)) if self._pointed else None
        return Face(box, self._confidence, known)


def varied(**changes: object) -> SampleGeneratorConfig:
    """Return `PLAIN` with changes."""
    return msgspec.structs.replace(PLAIN, **changes)
