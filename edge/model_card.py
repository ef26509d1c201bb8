"""Model cards: what a .tflite file is, in a JSON file beside it, so that nothing is guessed."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal, TypeVar

import msgspec

from edge.errors import ModelError
from edge.geometry import CropCalibration
from edge.paths import find_model, read_model, sha256
from edge.types import UNCERTAIN

Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Length = Annotated[int, msgspec.Meta(ge=1)]
Pixels = Annotated[float, msgspec.Meta(ge=0.0)]
Confidence = Annotated[float, msgspec.Meta(gt=0.0, lt=1.0)]
Dtype = Literal["uint8", "int8", "float32"]
AnyCard = TypeVar("AnyCard", bound="BaseCard")


class Speed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Measured time: median of one face, or for a detector of one image, on one thread."""

    runtime: str
    machine: str
    milliseconds: float


class BaseCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Fields that every card has of its .tflite file; errors call it by its `kind_name`."""

    kind_name: ClassVar[str] = "a card"

    name: str
    sha256: Sha256
    parameters: int  # of the float network, as the next; 0 where unknown
    multiply_adds: int
    training_data: str
    licence: str
    limits: str  # what it must not be taken for
    size: int = 0  # bytes
    speed: tuple[Speed, ...] = ()


class ModelInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Input of a classifier: a gray value v, 0-255, enters as `v * scale + offset`."""

    shape: tuple[Length, Length, Literal[1, 3]]  # height, width, channels, each the gray value
    dtype: Dtype
    scale: float
    offset: float  # the sum is rounded for integers
    color: Literal["gray", "grey"]  # "grey" in cards of version 0.1

    def __post_init__(self) -> None:
        if self.shape[0] != self.shape[1]:
            raise ValueError("Expected a square `shape`: faces are cropped to squares")


class ModelOutput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Output of a classifier.

    Attributes:
        kind: "logits" go through a softmax. So do the logarithms of "probabilities", and of
            "sigmoids": a probability of each class by itself, which need not sum to 1.
        dtype: of the output tensor; integers are dequantized by the tensor's own scale.
        temperature: divides the logits before the softmax (Guo et al. 2017, arXiv:1706.04599).
        offsets: added to the logits before that, one for each label or none: prior correction
            (Saerens et al. 2002, doi:10.1162/089976602753284446; Menon et al., arXiv:2007.07314).
    """

    kind: Literal["logits", "probabilities", "sigmoids"]
    dtype: Dtype
    temperature: Annotated[float, msgspec.Meta(ge=0.05, le=20.0)]
    offsets: tuple[Annotated[float, msgspec.Meta(ge=-20.0, le=20.0)], ...] = ()

    def __post_init__(self) -> None:
        if self.offsets and self.kind != "logits":
            raise ValueError("Expected no `offsets`: they are added to logits")


class FaceOutput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A second output of a classifier, one wide: the logit of the crop being a face at all."""

    dtype: Dtype
    threshold: Share  # a crop whose probability of being a face is below it is rejected


class Accuracy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Measured accuracy of a classifier on one set."""

    data: str
    rows: int
    accuracy: Share
    balanced_accuracy: Share
    macro_f1: Share
    interval: tuple[Share, Share]  # the accuracy's of 95 % (Wilson 1927)
    recall: dict[str, Share]  # of each class
    calibration_error: Share  # the expected one at the card's temperature, of 15 bins


class ModelCard(BaseCard, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Card of a classifier."""

    kind_name: ClassVar[str] = "a model card"

    labels: Annotated[tuple[str, ...], msgspec.Meta(min_length=2)]  # in the order of the output
    input: ModelInput
    output: ModelOutput
    measured: tuple[Accuracy, ...]
    label_set: str = ""  # the converter's name of the labels; empty for a set of their own
    face: FaceOutput | None = None

    def __post_init__(self) -> None:
        if len(set(self.labels)) < len(self.labels) or not all(self.labels):
            raise ValueError("Expected `labels` that are not empty and all different")
        if UNCERTAIN in self.labels:
            raise ValueError(f"Expected `labels` other than `{UNCERTAIN}`, which is said of faces")
        if len(self.output.offsets) not in (0, len(self.labels)):
            raise ValueError("Expected as many `offsets` as `labels`, or none")


class DetectorInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Input of a detector: one image in color; `shape` is height, width, channels.

    A value v, 0-255, enters as v - 128: LiteRT takes 0.14 ms to do that to an uint8 image of
    320x240, numpy 0.003, and all the rest of the network 0.30 (2026-11-20).
    """

    shape: tuple[Length, Length, Literal[3]]
    dtype: Literal["int8"]
    color: Literal["bgr"]


class DetectionAccuracy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Measured accuracy of a detector on one set."""

    data: str  # the images, and which of their faces count
    pictures: int  # those that show faces
    faces: int  # that count
    average_precision: dict[str, Share]  # by the overlap (IoU) of what counts as found: "0.4"
    by_height: dict[str, Share]  # that at IoU 0.4, by height in pixels of the input, as "16-32"
    recall: Share  # at the confidence that gives one false face in a hundred images
    found: Share  # recall at the card's `min_confidence`
    precision: Share  # the same
    faceless: int  # images that show no face
    false_faces: int  # that are found in those


class DetectorCard(BaseCard, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Card of the built-in detector."""

    kind_name: ClassVar[str] = "a detector's card"

    input: DetectorInput
    strides: Annotated[tuple[Length, ...], msgspec.Meta(min_length=1)]  # pixels between cells
    candidate_confidence: Confidence  # below it, the refiner does not look at what is found
    min_confidence: Confidence  # below it, what both networks saw is not taken for a face
    keep_confidence: Confidence  # the same, where a face was seen before
    crop_fit: CropCalibration
    smallest_face: Pixels  # height in pixels of the input, below which none counts
    largest_face: Pixels
    measured: tuple[DetectionAccuracy, ...]

    def __post_init__(self) -> None:
        if self.keep_confidence > self.min_confidence:
            raise ValueError("Expected a `keep_confidence` of `min_confidence` at most")
        if self.smallest_face >= self.largest_face:
            raise ValueError("Expected a `smallest_face` below `largest_face`")
        if self.crop_fit.scale <= 0:
            raise ValueError("Expected a `crop_fit` with a `scale` above 0")


class RefinerCard(BaseCard, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Card of a refinement network."""

    kind_name: ClassVar[str] = "a refiner's card"

    input: DetectorInput
    # Of the detector's logit and of its own, and an offset: their sum is the logit of the face.
    weights: tuple[float, float, float]
    measured: tuple[str, ...]


def card_path(model: Path) -> Path:
    """Return the path of a model's card: beside it."""
    return model.with_suffix(".json")


def load_card(model: Path, kind: type[AnyCard]) -> AnyCard:
    """Read the card of a model, or raise a ModelError where it is not of this very file."""
    found = sha256(model)  # first: where both are missing, the model is what to tell of
    card = decode_card(card_path(model), kind)
    if found != card.sha256:
        text = f"{model}: expected sha256 {card.sha256} as its card says, found {found}"
        raise ModelError(f"{text}; the file is damaged or not the card's: fetch both again")
    return card


def read_labels(model: Path) -> tuple[str, ...]:
    """Return the classes of a model, by its path or name, from its card alone."""
    return decode_card(card_path(find_model(model)), ModelCard).labels


def decode_card(path: Path, kind: type[AnyCard]) -> AnyCard:
    """Decode a card, whatever its model is, or raise a ModelError."""
    try:
        return msgspec.json.decode(read_model(path), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        reason = " ".join(str(error).split())  # a name in it may hold the end of a line
        raise ModelError(f"{path}: is not {kind.kind_name}: {reason}") from error
