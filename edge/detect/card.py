"""The card of a detector of our own: what its .tflite file is, and what was measured of it."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from edge.card import Card, Share, read_card
from edge.detect.detector import CropFit

Length = Annotated[int, msgspec.Meta(ge=1)]
Pixels = Annotated[float, msgspec.Meta(ge=0.0)]


class DetectorInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the network takes: one picture.

    Attributes:
        shape: height, width, channels.
        dtype: type of the input tensor. A value v, 0-255, enters as v - 128: LiteRT takes 0.14 ms
            to do that to an uint8 picture of 320x240, numpy 0.003, and all the rest of the network
            0.30 (2026-11-20).
        color: channel order; "grey" has one channel, "bgr" three.
    """

    shape: tuple[Length, Length, Literal[1, 3]]
    dtype: Literal["int8"]
    color: Literal["bgr", "grey"]

    def __post_init__(self) -> None:
        if (self.color == "grey") != (self.shape[2] == 1):
            raise ValueError("Expected a `shape` of one channel for grey and of three for bgr")


class DetectionAccuracy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How right the detector was, once.

    Heights are those of faces in pixels of the network's input, the picture fitted into it.

    Attributes:
        data: the pictures it was measured on, and which of their faces count.
        pictures: how many of them show faces.
        faces: how many faces of them count.
        average_precision: by the overlap (IoU) from which a face counts as found, such as "0.4".
        by_height: average precision at IoU 0.4, by the height of the face, such as "16-32".
        recall: share of the faces found at the confidence that gives one false face in a hundred
            pictures.
        found, precision: share of the faces found, and of what is found that is a face, at the
            card's `min_confidence`.
        faceless: how many pictures show none.
        false_faces: how many were found in those, at the card's `min_confidence`.
    """

    data: str
    pictures: int
    faces: int
    average_precision: dict[str, Share]
    by_height: dict[str, Share]
    recall: Share
    found: Share
    precision: Share
    faceless: int
    false_faces: int


class DetectorCard(Card, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything the daemon and its user need to know of one detector.

    Attributes:
        strides: pixels of the input between neighbouring cells, of each layer of the answer in
            order.
        candidate_confidence: what is less surely a face is not looked at again.
        min_confidence: what is less surely a face, looked at again, is passed over.
        keep_confidence: what is less surely a face is passed over where one was seen before.
        crop_fit: of its boxes, as `emotiond-convert fit-crop` measured it.
        smallest_face, largest_face: heights in pixels of the input between which it was trained and
            measured; what it finds beyond them is passed over.
        measured: its accuracy on each set it was measured on.
    """

    input: DetectorInput
    strides: Annotated[tuple[Length, ...], msgspec.Meta(min_length=1)]
    candidate_confidence: Annotated[float, msgspec.Meta(gt=0.0, lt=1.0)]
    min_confidence: Annotated[float, msgspec.Meta(gt=0.0, lt=1.0)]
    keep_confidence: Annotated[float, msgspec.Meta(gt=0.0, lt=1.0)]
    crop_fit: CropFit
    smallest_face: Pixels
    largest_face: Pixels
    measured: tuple[DetectionAccuracy, ...]

    def __post_init__(self) -> None:
        if self.keep_confidence > self.min_confidence:
            raise ValueError("Expected a `keep_confidence` of `min_confidence` at most")
        if self.smallest_face >= self.largest_face:
            raise ValueError("Expected a `smallest_face` below `largest_face`")
        if self.crop_fit.scale <= 0:
            raise ValueError("Expected a `crop_fit` with a `scale` above 0")


class RefinerCard(Card, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a refinement network is, and how its answer and the detector's are put together.

    Attributes:
        input: the crop it takes.
        weights: of the detector's logit, of its own, and what is added: the logit of both.
        measured: what it was measured on, in words and figures.
    """

    input: DetectorInput
    weights: tuple[float, float, float]
    measured: tuple[str, ...]


def load_refiner_card(model: Path) -> RefinerCard:
    """Read the card of a refinement network and check that it is of this very file.

    Raises:
        ModelError: model or card is missing, malformed, or the hash differs.
    """
    return read_card(model, RefinerCard, "a refiner's card")


def load_detector_card(model: Path) -> DetectorCard:
    """Read the card of `model` and check that it is of this very file.

    Raises:
        ModelError: model or card is missing, malformed, or the hash differs.
    """
    return read_card(model, DetectorCard, "a detector's card")
