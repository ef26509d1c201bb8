"""BlazeFace detectors: MediaPipe's networks, run on LiteRT directly or by MediaPipe's package.

Described in Bazarevsky et al. 2019 (arXiv:1907.05047) and, with the numbers used here, in
MediaPipe's published graphs (mediapipe/modules/face_detection, release 0.10.21, Apache-2.0).
"""

from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.detect.detector import weighted_nms
from edge.detect.model_files import FULL_RANGE, SHORT_RANGE, PublishedFile, find_published
from edge.errors import ConfigError
from edge.geometry import Box, CropCalibration, KeyPoints, Point
from edge.paths import extra_remedy
from edge.tflite import Runtime, TFLiteModel, sigmoid
from edge.types import Face, Image, KindSettings

Floats = NDArray[np.float32]

NMS_IOU = 0.3  # overlap (IoU) above which two answers are of one face (min_suppression_threshold)
MAX_SIDE = 32_766  # pixels of a side that OpenCV's warps can address
TILE_OVERLAP = 1.2  # length of a tile in its share of the image: small faces lie whole in one
Range = Literal["full", "short"]  # of faces: up to five meters, or at arm's length in half the time


class ModelSpec(NamedTuple):
    """Properties of one network."""

    file: PublishedFile
    side: int  # of its square input in pixels
    grids: tuple[tuple[int, int], ...]  # cells along a side and anchors in each, by output layer
    min_confidence: float  # that its published graph asks for
    crop_fit: CropCalibration  # medians over 376 (full) and 562 faces found of 1,000 (2026-11-20)


VARIANTS = {
    "full": ModelSpec(FULL_RANGE, 192, ((48, 1),), 0.6, CropCalibration(1.11, 0.0, -0.07)),
    "short": ModelSpec(SHORT_RANGE, 128, ((16, 2), (8, 6)), 0.5, CropCalibration(1.12, 0.0, -0.09)),
}


class BlazeFaceSettings(KindSettings, frozen=True, tag="blazeface"):
    """Choice of the network, and how it is used.

    Attributes:
        range: how far away faces may be.
        min_confidence: least confidence of a face, 0-1; None: MediaPipe's, 0.6 (full), 0.5 (short).
        tiles: above 1, as many overlapping parts of the image are searched beside the whole of it,
            for small faces; each costs as much as the whole.
    """

    range: Range = "full"
    min_confidence: Annotated[float, msgspec.Meta(gt=0.0, lt=1.0)] | None = None
    tiles: Annotated[int, msgspec.Meta(ge=1, le=8)] = 1

    def open(self) -> "BlazeFace":
        """Load the network, which must have been fetched."""
        return BlazeFace(self)


class BlazeFace:
    """Detector of faces with six landmarks."""

    name = "blazeface"
    searches_near = False

    def __init__(self, settings: BlazeFaceSettings) -> None:
        spec = VARIANTS[settings.range]
        path = find_published(spec.file)
        if path is None:
            text = f"blazeface needs {spec.file.name}, which is in no model directory"
            raise ConfigError(f"{text}: run `emotiond models fetch blazeface`")
        self.crop_fit, self._side, self._tile_count = spec.crop_fit, spec.side, settings.tiles
        self._threshold = settings.min_confidence or spec.min_confidence
        self._model = TFLiteModel(path, Runtime.LITERT)
        self._anchors = anchors(spec.grids)

    def detect(self, image: Image, known: Sequence[Box] = ()) -> list[Face]:
        """Return the faces; known ones make no difference."""
        height, width = image.shape[:2]
        parts = [Box(0, 0, width, height)]
        if self._tile_count > 1:
            parts += tiles(width, height, self._tile_count)
        results = [self._search(image, part) for part in parts]
        scores, values = (np.concatenate(part) for part in zip(*results, strict=True))
        faces = []
        for surest, row in weighted_nms(scores, values, NMS_IOU):
            points = [Point(*row[start : start + 2].tolist()) for start in range(4, 16, 2)]
            score = float(scores[surest])
            faces.append(Face(Box(*row[:4].tolist()), score, KeyPoints(*points)))
        return faces

    def _search(self, image: Image, tile: Box) -> tuple[Floats, Floats]:
        """Return scores (n,) and boxes with points (n, 16) of one tile, in the image's pixels.

        As in MediaPipe, the tile is fitted into the black square input, each pixel interpolated
        between four of the image. Averaging all that it covers finds as many faces and agrees with
        MediaPipe less.
        """
        x1, y1, x2, y2 = (int(edge) for edge in tile.edges)
        skip = -(-max(x2 - x1, y2 - y1) // MAX_SIDE)
        part = np.ascontiguousarray(image[y1:y2:skip, x1:x2:skip])
        height, width = part.shape[:2]
        scale = self._side / max(height, width)
        left, top = (self._side - scale * width) / 2, (self._side - scale * height) / 2
        matrix = np.array([[scale, 0, left], [0, scale, top]])
        square = cv2.warpAffine(part, matrix, (self._side, self._side), flags=cv2.INTER_LINEAR)
        batch = np.multiply(square[None, :, :, ::-1], 2 / 255, dtype=np.float32) - np.float32(1)
        rows, logits = self._model.invoke(batch)
        shares = rows[0] / self._side
        scores, values = decode(logits[0, :, 0], shares, self._anchors, self._threshold)
        values[:, 0::2] = (values[:, 0::2] * self._side - left) * (skip / scale) + x1
        values[:, 1::2] = (values[:, 1::2] * self._side - top) * (skip / scale) + y1
        return scores, values


def anchors(grids: tuple[tuple[int, int], ...]) -> Floats:
    """Return the centers that the network's outputs are relative to, float32 (n, 2), 0-1."""
    layers = []
    for cells, count in grids:
        across = (np.arange(cells, dtype=np.float32) + 0.5) / cells
        grid = np.stack(np.meshgrid(across, across), axis=-1).reshape(-1, 2)
        layers.append(np.repeat(grid, count, axis=0))
    return np.concatenate(layers)


def tiles(width: int, height: int, count: int) -> list[Box]:
    """Split an image along its longer side into `count` overlapping parts."""
    longer, shorter = max(width, height), min(width, height)
    length = min(longer, max(shorter, round(TILE_OVERLAP * longer / count)))
    starts = np.linspace(0, longer - length, count).round().tolist()
    if width >= height:
        return [Box(start, 0, start + length, height) for start in starts]
    return [Box(0, start, width, start + length) for start in starts]


def decode(logits: Floats, rows: Floats, centers: Floats, least: float) -> tuple[Floats, Floats]:
    """Return scores (n,) from `least` on, and values (n, 16): left, top, right, bottom and points.

    `rows` are (anchors, 16), in shares of the input and relative to the anchor: center, width and
    height of the box, then six points. `centers` are those of the anchors, (anchors, 2), 0-1.
    """
    scores = sigmoid(logits)
    sure = np.flatnonzero(scores >= least)
    middle, half = rows[sure, :2] + centers[sure], rows[sure, 2:4] / 2
    points = rows[sure, 4:] + np.tile(centers[sure], 6)
    return scores[sure], np.concatenate([middle - half, middle + half, points], axis=1)


class MediaPipeSettings(KindSettings, frozen=True, tag="mediapipe"):
    """Choice of the network, as in `blazeface`; it takes no lower `min_confidence` than its own."""

    range: Range = "full"
    min_confidence: Annotated[float, msgspec.Meta(gt=0.0, lt=1.0)] | None = None

    def open(self) -> "MediaPipe":
        """Load the package; a ConfigError names the extra where it is missing."""
        return MediaPipe(self)


class MediaPipe:
    """Detector that runs MediaPipe's own graph around the same networks as `BlazeFace`."""

    name = "mediapipe"
    searches_near = False

    def __init__(self, settings: MediaPipeSettings) -> None:
        spec = VARIANTS[settings.range]
        self.crop_fit = spec.crop_fit
        self._threshold = settings.min_confidence or spec.min_confidence
        try:
            from mediapipe import solutions
        except ImportError as error:
            remedy = extra_remedy("mediapipe")
            raise ConfigError(f"mediapipe cannot be loaded ({error}): {remedy}") from error
        selection = int(settings.range == "full")
        self._graph = solutions.face_detection.FaceDetection(self._threshold, selection)

    def detect(self, image: Image, known: Sequence[Box] = ()) -> list[Face]:
        """Return the faces; known ones make no difference."""
        (height, width), faces = image.shape[:2], []
        answer = self._graph.process(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
        for detection in answer.detections or ():
            data, score = detection.location_data, float(detection.score[0])
            if score >= self._threshold:  # the graph takes a threshold and ignores it
                box, points = data.relative_bounding_box, data.relative_keypoints
                x, y = box.xmin * width, box.ymin * height
                face = Box(x, y, x + box.width * width, y + box.height * height)
                marks = (Point(point.x * width, point.y * height) for point in points)
                faces.append(Face(face, score, KeyPoints(*marks)))
        return faces
