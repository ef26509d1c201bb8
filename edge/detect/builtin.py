"""A small int8 detector of our own, trained by `converter` and shipped in models/detectors.

Anchor-free: each cell of three grids tells of one face, as in FCOS (Tian et al. 2019,
arXiv:1904.01355) and, for faces, in YuNet (Wu, Peng and Yu 2023,
doi:10.1007/s11633-023-1423-y).
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.detect.detector import sure_or_known
from edge.detect.image_ops import resize
from edge.errors import ModelError
from edge.geometry import Box, KeyPoints, Point
from edge.model_card import DetectorCard, load_detector_card, load_refiner_card
from edge.paths import asset
from edge.tflite import Tensor, TensorSpec, open_tflite, sigmoid
from edge.types import Face, Image

Floats = NDArray[np.float32]

WIDTHS = (1, 4)
"""Numbers a cell gives in each output, which tells these apart: score, box."""

PIXELS = (1.0, -128)
"""Scale and zero point of an int8 input that takes pixels, 0-255, less 128."""

SAME_FACE = 0.4
"""Overlap (IoU) above which two answers are of one face, and the surer one stands."""

LONGEST = 8.0
"""Natural logarithm of the longest side that is read, in strides: beyond any picture, and far from
where float32 ends."""


class Size(StrEnum):
    """Pixels that a picture is fitted into; the smaller sees nearer faces alone, at less cost."""

    LARGE = "320x240"
    SMALL = "160x120"

    @property
    def file(self) -> Path:
        """The shipped network."""
        return asset("models") / "detectors" / f"face-{self.value}.tflite"


class BuiltinSettings(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="builtin"
):
    """Which network, and how surely it must see a face.

    Attributes:
        size: which of the shipped networks.
        min_confidence: what is less surely a face is passed over, 0-1, but where a face is known;
            None takes the card's.
        model: a .tflite of one's own with its card beside it, instead of a shipped one.
        refiner: likewise of the network that takes the second look.
    """

    size: Size = Size.LARGE
    min_confidence: Annotated[float, msgspec.Meta(gt=0.0, lt=1.0)] | None = None
    model: Path | None = None
    refiner: Path | None = None

    def open(self) -> "BuiltinDetector":
        """Load the network; errors as `BuiltinDetector`."""
        return BuiltinDetector(self)


class BuiltinDetector:
    """Finds faces, and their eyes, nose and mouth if its network was taught these.

    Raises:
        ModelError: file or card is missing or damaged, or one is not of the other.
        ConfigError: no runtime is installed.
    """

    name = "builtin"
    searches_near = False

    def __init__(self, settings: BuiltinSettings) -> None:
        path = settings.model or settings.size.file
        self.card = load_detector_card(path)
        self.crop_fit = self.card.crop_fit
        self._sure = settings.min_confidence or self.card.min_confidence
        self._kept = min(self._sure, self.card.keep_confidence)
        self._threshold = min(self._kept, self.card.candidate_confidence)
        self._refiner = Refiner(settings.refiner)
        self._grid = cells(self.card.input.shape[:2], self.card.strides)
        self._network = open_tflite(path)
        self._order = self._network.match_signature(*_forms(self.card, len(self._grid)))
        if self._network.input_scale != PIXELS:
            raise ModelError(
                f"{path}: expected an input of scale and zero point {PIXELS}, so that a pixel less "
                f"128 means itself, found {self._network.input_scale}; quantize it anew"
            )
        # Logits are compared as they come, so that only the few that are left are made floats of.
        logit = math.log(self._threshold / (1 - self._threshold))
        self._least = math.floor(self._network.quantize(self._order[0], logit))

    def detect(self, image: Image, known: Sequence[Box] = ()) -> list[Face]:
        """Return the faces; one that is known already is believed with less confidence."""
        faces = self._refiner.refine(image, self.find_candidates(image))
        likely = [face for face in faces if face.confidence >= self._kept]
        return sure_or_known(likely, self._sure, known)

    def find_candidates(self, image: Image) -> list[Face]:
        """Return what may be faces, the surest first, as the first network alone sees them."""
        scale, outputs = self._network.invoke_in_place(lambda tensor: _enter(image, tensor))
        likely = np.flatnonzero(outputs[self._order[0]][0, :, 0] >= self._least)
        logits, boxes = (
            self._network.dequantize(place, outputs[place][0, likely]) for place in self._order
        )
        scores, values = decode(logits, boxes, self._grid[likely], self._threshold)
        stand = nms(scores, values, self.card.smallest_face, self.card.largest_face)
        rows = values[stand] / np.tile(scale, 2)
        pairs = zip(scores[stand].tolist(), rows.tolist(), strict=True)
        return [Face(Box(*row), score) for score, row in pairs]


def _forms(card: DetectorCard, count: int) -> tuple[TensorSpec, list[TensorSpec]]:
    """Return what the network must take, and give of so many cells: scores, boxes."""
    outputs = [TensorSpec((1, count, width), "int8") for width in WIDTHS]
    return TensorSpec((1, *card.input.shape), card.input.dtype), outputs


def _enter(image: Image, tensor: Tensor) -> tuple[float, float]:
    """Draw a picture into the network's input, int8 (1, height, width, channels); as `fit`."""
    picture = tensor[0].view(np.uint8)
    scale = letterbox(image, picture)
    # Less 128, which is the same as turning over the highest bit.
    np.bitwise_xor(picture, 128, out=picture)
    return scale


def letterbox(image: Image, into: Image) -> tuple[float, float]:
    """Draw a picture as large as it fits into the top left of another, which is black elsewhere.

    Args:
        image: the picture, BGR.
        into: uint8 (height, width, 3), or (height, width, 1) to have it in grey.

    Returns:
        Pixels of `into` for one of the picture, across and down.
    """
    scale = min(into.shape[0] / image.shape[0], into.shape[1] / image.shape[1])
    down, across = (max(1, round(scale * length)) for length in image.shape[:2])
    into[down:] = 0
    into[:down, across:] = 0
    _resize(image, into[:down, :across])
    return across / image.shape[1], down / image.shape[0]


def _resize(image: Image, into: Image) -> None:
    """Draw a picture over the whole of another.

    One that is more than twice as large is first made twice as large as `into`: a single bilinear
    step would pass over most of its pixels. On photographs made smaller by 2.5 to 6 the average
    precision of YuNet is then up to 1.7 points higher, and that of averages over all pixels
    (cv2.INTER_AREA), which mostly take three times as long (2026-11-20).
    """
    height, width = into.shape[:2]
    if image.shape[1] > 2 * width:
        image = resize(image, 2 * width, 2 * height, cv2.INTER_LINEAR)
    if into.shape[2] == 3:
        resize(image, width, height, cv2.INTER_LINEAR, into)
    else:
        small = resize(image, width, height, cv2.INTER_LINEAR)
        cv2.cvtColor(small, cv2.COLOR_BGR2GRAY, dst=into[:, :, 0])


def cells(shape: tuple[int, int], strides: Sequence[int]) -> Floats:
    """Return the cells that a network answers by.

    Args:
        shape: height and width of its input.
        strides: pixels between the cells of each of its layers.

    Returns:
        Column, row and stride, float32 (n, 3): layer after layer, row by row. A cell lies at its
        stride times its column and row.
    """
    layers = []
    for stride in strides:
        rows, columns = np.indices([-(-length // stride) for length in shape]).reshape(2, -1)
        layers.append(np.stack([columns, rows, np.full_like(rows, stride)], axis=1))
    return np.concatenate(layers).astype(np.float32)


def decode(
    logits: Floats, boxes: Floats, grid: Floats, min_confidence: float
) -> tuple[Floats, Floats]:
    """Turn a network's answer into boxes.

    Args:
        logits: of a face being there, (cells, 1).
        boxes: (cells, 4), in strides: the centre from the cell, then the logarithms of width and
            height.
        grid: what `cells` returns.
        min_confidence: below which an answer is left out, 0-1.

    Returns:
        Confidences (n,), and left, top, right, bottom in pixels of the input, (n, 4).
    """
    # Compared as they are, so that only the few that are left are computed further.
    sure = np.flatnonzero(logits[:, 0] >= math.log(min_confidence / (1 - min_confidence)))
    places, stride = grid[sure, :2], grid[sure, 2:]
    middle = places + boxes[sure, :2]
    half = np.exp(np.minimum(boxes[sure, 2:], LONGEST)) / 2
    values = np.concatenate([middle - half, middle + half], axis=1) * stride
    return sigmoid(logits[sure, 0]), values


def nms(
    scores: Floats, values: Floats, smallest: float = 0.0, largest: float = math.inf
) -> NDArray[np.intp]:
    """Return which answers stand, surest first: of those that overlap, the surest.

    Args:
        scores: as `decode` returns them.
        values: likewise.
        smallest: height in pixels of the input below which an answer does not count.
        largest: height above which it does not.
    """
    corners, sides = values[:, :2], values[:, 2:4] - values[:, :2]
    known = np.flatnonzero((sides[:, 1] >= smallest) & (sides[:, 1] <= largest))
    boxes = np.concatenate([corners, sides], axis=1)[known].tolist()
    stand = cv2.dnn.NMSBoxes(boxes, scores[known].tolist(), 0.0, SAME_FACE)
    return known[np.asarray(stand, dtype=np.intp)]


CONTEXT = 1.3
"""Side of the square that it sees, in longest sides of the box: hair, chin and some ground."""


class Refiner:
    """Looks again at what a detector found.

    Raises:
        ModelError: file or card is missing or damaged, or one is not of the other.
        ConfigError: no runtime is installed.
    """

    def __init__(self, model: Path | None = None) -> None:
        path = model or asset("models") / "refiners" / "refiner-32.tflite"
        self.card = load_refiner_card(path)
        self._network = open_tflite(path)
        outputs = [TensorSpec((1, 1), "int8"), TensorSpec((1, 8), "int8")]
        self._order = self._network.match_signature(
            TensorSpec((1, *self.card.input.shape), "int8"), outputs
        )

    def refine(self, image: Image, faces: list[Face]) -> list[Face]:
        """Return the faces with their points, each as sure as both looks are of it."""
        return [self._refined(image, face) for face in faces]

    def _refined(self, image: Image, face: Face) -> Face:
        score, points = self.look(image, face.box)
        first, second, offset = self.card.weights
        confidence = min(max(face.confidence, 1e-4), 1 - 1e-4)
        logit = first * math.log(confidence / (1 - confidence)) + second * score + offset
        return replace(face, confidence=1 / (1 + math.exp(-logit)), points=points)

    def look(self, image: Image, box: Box) -> tuple[float, KeyPoints]:
        """Return the logit of a face being in a box, and the points that it would have there."""
        square = square_around(box)
        crop = cut(image, square, self.card.input.shape[0])
        outputs = self._network.invoke(np.bitwise_xor(crop, 128).view(np.int8)[None])
        score, points = (outputs[place][0] for place in self._order)
        middle, side = square.center, square.width
        places = (
            Point(middle.x + side * x, middle.y + side * y)
            for x, y in points.reshape(4, 2).tolist()
        )
        return float(score[0]), KeyPoints(*places)


def square_around(box: Box) -> Box:
    """Return what the network sees of a picture to judge a box."""
    return Box.around(box.center, CONTEXT * max(box.width, box.height))


def cut(image: Image, square: Box, pixels: int) -> Image:
    """Return a square of a picture, black beyond it, as `pixels` x `pixels`."""
    x1, y1, x2, y2 = (round(edge) for edge in square.edges)
    height, width = image.shape[:2]
    left, top, right, bottom = max(x1, 0), max(y1, 0), min(x2, width), min(y2, height)
    if right <= left or bottom <= top:
        return np.zeros((pixels, pixels, image.shape[2]), np.uint8)
    part = np.asarray(image[top:bottom, left:right])
    beyond = (top - y1, y2 - bottom, left - x1, x2 - right)
    if any(beyond):
        part = np.asarray(cv2.copyMakeBorder(part, *beyond, cv2.BORDER_CONSTANT), np.uint8)
    method = cv2.INTER_AREA if part.shape[0] > 1.5 * pixels else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, (pixels, pixels), interpolation=method), np.uint8)
