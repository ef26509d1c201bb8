"""Built-in detector: two small int8 networks, trained by `converter` and shipped in models.

The first is anchor-free: each cell of three grids tells of one face, as in FCOS (Tian et al. 2019,
arXiv:1904.01355) and, for faces, in YuNet (Wu, Peng and Yu 2023, doi:10.1007/s11633-023-1423-y).
The second, the refiner, looks closer at each face that the first found, as the output network of
MTCNN does (Zhang et al. 2016, arXiv:1604.02878): how surely it is one, and where its landmarks are.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.detect.detector import weighted_nms
from edge.detect.image_ops import resize, shrink_by_mean
from edge.errors import ModelError
from edge.geometry import Box, KeyPoints, Point, Shift
from edge.model_card import DetectorCard, RefinerCard, load_card
from edge.paths import asset
from edge.tflite import Tensor, TensorSpec, logit, open_tflite, sigmoid
from edge.types import Face, Image, KindSettings

Floats = NDArray[np.float32]

OUTPUT_WIDTHS = (1, 4)  # numbers a cell gives in each output: score, box
PIXELS = (1.0, -128)  # scale and zero point of an int8 input that takes pixels, 0-255, less 128
NMS_IOU = 0.4  # overlap (IoU) above which two answers are of one face, the surer one
SAME_PLACE = 0.3  # overlap (IoU) with a known face from which a doubtful one is taken for the same
MAX_LOG_SIZE = 8.0  # natural logarithm of the longest side that is read, in strides
CONTEXT = 1.3  # side of the square that the refiner sees, in longest sides of the box


class BuiltinSettings(KindSettings, frozen=True, tag="builtin"):
    """Choice of the networks, and how surely they must see a face.

    Attributes:
        size: pixels an image is fitted into; the smaller sees nearer faces alone, at less cost.
        min_confidence: least confidence of a face, 0-1, where none was known; None: the card's.
        model, refiner: .tflite files of one's own, with their cards beside them; None: the shipped.
    """

    size: Literal["320x240", "160x120"] = "320x240"
    min_confidence: Annotated[float, msgspec.Meta(gt=0.0, lt=1.0)] | None = None
    model: Path | None = None
    refiner: Path | None = None

    def open(self) -> "BuiltinDetector":
        """Load the networks; a ModelError where file and card are not sound, or not a pair."""
        return BuiltinDetector(self)


class BuiltinDetector:
    """Detector of faces with eyes, nose and mouth."""

    name = "builtin"
    searches_near = False

    def __init__(self, settings: BuiltinSettings) -> None:
        path = settings.model or asset("models") / "detectors" / f"face-{settings.size}.tflite"
        self.card = load_card(path, DetectorCard)
        self.crop_fit = self.card.crop_fit
        self._sure = settings.min_confidence or self.card.min_confidence
        self._kept = min(self._sure, self.card.keep_confidence)
        self._threshold = min(self._kept, self.card.candidate_confidence)
        self._refiner = Refiner(settings.refiner)
        self._grid = cells(self.card.input.shape[:2], self.card.strides)
        self._network = open_tflite(path)
        self._order = self._network.match_signature(
            TensorSpec((1, *self.card.input.shape), self.card.input.dtype),
            [TensorSpec((1, len(self._grid), width), "int8") for width in OUTPUT_WIDTHS],
        )
        if self._network.input_scale != PIXELS:
            raise ModelError(
                f"{path}: expected an input of scale and zero point {PIXELS}, so that a pixel less "
                f"128 means itself, found {self._network.input_scale}; quantize it anew"
            )
        # Logits are compared as they come: only the few that are left are made floats of.
        self._min_logit = math.floor(self._network.quantize(self._order[0], logit(self._threshold)))

    def detect(self, image: Image, known: Sequence[Box] = ()) -> list[Face]:
        """Return the faces; one that is known already is believed with less confidence."""
        refined = [self._refiner.refine(image, face) for face in self.find_candidates(image)]
        likely = [face for face in refined if face.confidence >= self._kept]
        likely = merge(likely) if len(likely) > 1 else likely
        # Hysteresis, as Canny's for edges (1986, doi:10.1109/TPAMI.1986.4767851): a face that turns
        # or blurs is seldom sure in every frame, and nothing else is likely to be where it was.
        return [
            face
            for face in likely
            if face.confidence >= self._sure
            or any(face.box.iou(box) >= SAME_PLACE for box in known)
        ]

    def find_candidates(self, image: Image) -> list[Face]:
        """Return what may be faces, the surest first, as the first network alone sees them."""

        def write(tensor: Tensor) -> tuple[float, float]:
            pixels = tensor[0].view(np.uint8)
            scale = letterbox(image, pixels)
            np.bitwise_xor(pixels, 128, out=pixels)  # less 128: turns over the highest bit
            return scale

        scale, outputs = self._network.invoke_in_place(write)
        likely = np.flatnonzero(outputs[self._order[0]][0, :, 0] >= self._min_logit)
        logits, boxes = (
            self._network.dequantize(place, outputs[place][0, likely]) for place in self._order
        )
        scores, values = decode(logits, boxes, self._grid[likely], self._threshold)
        best = nms(scores, values, self.card.smallest_face, self.card.largest_face)
        rows = values[best] / np.tile(scale, 2)
        pairs = zip(rows.tolist(), scores[best].tolist(), strict=True)
        return [Face(Box(*row), score) for row, score in pairs]


def letterbox(image: Image, into: Image) -> tuple[float, float]:
    """Draw a BGR image as large as it fits into the top left of another, which is black elsewhere.

    An image more than twice as large is first made twice as large as wanted: one bilinear step
    passes over most pixels, which costs YuNet up to 1.7 points of average precision (2026-11-20).
    Returned are pixels of `into` for one of the image, across and down.
    """
    scale = min(into.shape[0] / image.shape[0], into.shape[1] / image.shape[1])
    height, width = (max(1, round(scale * length)) for length in image.shape[:2])
    into[height:] = 0
    into[:height, width:] = 0
    part, small = into[:height, :width], image
    if image.shape[1] > 2 * width:
        small = resize(image, 2 * width, 2 * height, cv2.INTER_LINEAR)
    resize(small, width, height, cv2.INTER_LINEAR, part)
    return width / image.shape[1], height / image.shape[0]


def cells(shape: tuple[int, int], strides: Sequence[int]) -> Floats:
    """Return the cells that a network answers by, layer after layer, row by row: float32 (n, 3).

    `shape` is height and width of its input, `strides` are pixels between the cells of each layer.
    A cell is column, row and stride; it lies at its stride times column and row.
    """
    layers = []
    for stride in strides:
        rows, columns = np.indices([-(-length // stride) for length in shape]).reshape(2, -1)
        layers.append(np.stack([columns, rows, np.full_like(rows, stride)], axis=1))
    return np.concatenate(layers).astype(np.float32)


def decode(logits: Floats, boxes: Floats, grid: Floats, least: float) -> tuple[Floats, Floats]:
    """Return confidences (n,) from `least` on, and boxes in pixels of the input, xyxy (n, 4).

    `logits` are of a face being there, (cells, 1). `boxes` are (cells, 4), in strides: the center
    from the cell, then the logarithms of width and height. `grid` is what `cells` returns.
    """
    sure = np.flatnonzero(logits[:, 0] >= logit(least))
    places, stride = grid[sure, :2], grid[sure, 2:]
    middle = places + boxes[sure, :2]
    half = np.exp(np.minimum(boxes[sure, 2:], MAX_LOG_SIZE)) / 2
    values = np.concatenate([middle - half, middle + half], axis=1) * stride
    return sigmoid(logits[sure, 0]), values


def nms(
    scores: Floats, values: Floats, smallest: float = 0.0, largest: float = math.inf
) -> NDArray[np.intp]:
    """Return the indices of the answers of `decode` that stand, the surest of those that overlap.

    Heights beyond `smallest` and `largest`, in pixels of the input, do not count.
    """
    corners, sides = values[:, :2], values[:, 2:4] - values[:, :2]
    known = np.flatnonzero((sides[:, 1] >= smallest) & (sides[:, 1] <= largest))
    boxes = np.concatenate([corners, sides], axis=1)[known].tolist()
    best = cv2.dnn.NMSBoxes(boxes, scores[known].tolist(), 0.0, NMS_IOU)
    return known[np.asarray(best, dtype=np.intp)]


def merge(faces: Sequence[Face]) -> list[Face]:
    """Return one face of those that overlap: the surest, in the mean of their boxes."""
    scores = np.array([face.confidence for face in faces])
    merged = weighted_nms(scores, np.array([face.box for face in faces]), NMS_IOU)
    return [replace(faces[surest], box=Box(*row.tolist())) for surest, row in merged]


class Refiner:
    """Second, closer look at what a detector found: its own features tell no hand from a face."""

    def __init__(self, model: Path | None = None) -> None:
        path = model or asset("models") / "refiners" / "refiner-48.tflite"
        self.card = load_card(path, RefinerCard)
        self._network = open_tflite(path)
        self._order = self._network.match_signature(
            TensorSpec((1, *self.card.input.shape), "int8"),
            [TensorSpec((1, width), "int8") for width in (1, 8, 4)],
        )

    def refine(self, image: Image, face: Face) -> Face:
        """Return the face, its box drawn anew, with landmarks, as sure as both looks are of it."""
        score, points, box = self.look(image, face.box)
        first, second, offset = self.card.weights
        both = first * logit(face.confidence) + second * score + offset
        confidence = float(sigmoid(np.array(both, np.float32)))
        return replace(face, box=box, confidence=confidence, points=points)

    def look(self, image: Image, box: Box) -> tuple[float, KeyPoints, Box]:
        """Return the logit of a face being in a box, and the landmarks and box it would have."""
        pixels = self.card.input.shape[0]
        square = halvable(box.square(CONTEXT), pixels)
        crop = cut(image, square, pixels)
        outputs = self._network.invoke(np.bitwise_xor(crop, 128).view(np.int8)[None])
        score, points, found = (outputs[place][0] for place in self._order)
        to_image = Shift(*square.center, square.width)
        places = (to_image.apply(Point(x, y)) for x, y in points.reshape(4, 2).tolist())
        x, y, *sizes = found.tolist()
        half_x, half_y = (math.exp(size) / (2 * CONTEXT) for size in sizes)
        box = Box(x - half_x, y - half_y, x + half_x, y + half_y).moved(to_image)
        return float(score[0]), KeyPoints(*places), box


def cut(image: Image, square: Box, pixels: int) -> Image:
    """Return a square of an image, black beyond it, as `pixels` x `pixels`."""
    x1, y1, x2, y2 = (round(edge) for edge in square.edges)
    height, width = image.shape[:2]
    left, top, right, bottom = max(x1, 0), max(y1, 0), min(x2, width), min(y2, height)
    if right <= left or bottom <= top:
        return np.zeros((pixels, pixels, image.shape[2]), np.uint8)
    part = np.asarray(image[top:bottom, left:right])
    beyond = (top - y1, y2 - bottom, left - x1, x2 - right)
    if any(beyond):
        part = np.asarray(cv2.copyMakeBorder(part, *beyond, cv2.BORDER_CONSTANT), np.uint8)
    if part.shape[0] > 1.5 * pixels:
        return shrink_by_mean(part, (pixels, pixels))
    return resize(part, pixels, pixels, cv2.INTER_LINEAR)


def halvable(square: Box, pixels: int) -> Box:
    """Return a large square in whole pixels, a few larger, so that it is made small by halving."""
    if square.width < 2 * pixels:
        return square
    step = 1 << int(math.log2(square.width / pixels))
    side = math.ceil(square.width / step) * step
    left, top = round(square.center.x - side / 2), round(square.center.y - side / 2)
    return Box(left, top, left + side, top + side)
