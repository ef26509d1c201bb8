"""The model card: what a .tflite file is, so that the daemon need not guess."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from edge.errors import ModelError
from edge.files import read, sha256
from edge.records import UNCERTAIN

Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]


class Input(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the model takes.

    Attributes:
        shape: one face: height, width, channels.
        dtype: type of the input tensor.
        scale, offset: a grey value v, 0-255, enters as `v * scale + offset`.
        color: channel order; "grey" has one channel.
    """

    shape: tuple[int, int, Literal[1]]
    dtype: Literal["uint8", "int8", "float32"]
    scale: float
    offset: float
    color: Literal["grey"]

    def __post_init__(self) -> None:
        if self.shape[0] != self.shape[1]:
            raise ValueError("Expected a square `shape`: faces are cropped to squares")


class Output(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the model gives.

    Attributes:
        kind: "logits" go through a softmax, "probabilities" are used as they are.
        dtype: type of the output tensor; integers are dequantised by the tensor's own scale.
        temperature: divides the logits before the softmax (Guo et al. 2017, arXiv:1706.04599).
    """

    kind: Literal["logits", "probabilities"]
    dtype: Literal["uint8", "int8", "float32"]
    temperature: Annotated[float, msgspec.Meta(ge=0.05, le=20.0)]


class FaceOutput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A second output: the logit of the crop being a face at all.

    It is one wide and the classes are at least two, which tells the outputs apart: converters order
    them as they like.

    Attributes:
        dtype: type of the output tensor; integers are dequantised by the tensor's own scale.
        threshold: a crop whose probability of being a face is below it is refused.
    """

    dtype: Literal["uint8", "int8", "float32"]
    threshold: Share


class Speed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long one face took, once.

    Attributes:
        runtime: what ran the model, and its version.
        machine: the processor it ran on.
        milliseconds: median of one face on one thread.
    """

    runtime: str
    machine: str
    milliseconds: float


class Accuracy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How right the model was, once.

    Attributes:
        data: the rows it was measured on.
        rows: how many.
        accuracy: share of rows classified as labelled.
        balanced_accuracy: mean recall of the classes.
        macro_f1: mean F1 of the classes.
        interval: 95 % interval of the accuracy (Wilson 1927).
        recall: share of each class that was found.
        calibration_error: expected calibration error at the card's temperature, 15 bins.
    """

    data: str
    rows: int
    accuracy: Share
    balanced_accuracy: Share
    macro_f1: Share
    interval: tuple[Share, Share]
    recall: dict[str, Share]
    calibration_error: Share


class ModelCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything the daemon and its user need to know of one model.

    Attributes:
        labels: the classes in the order of the output.
        label_set: the name of the converter's label set, empty for a set of its own.
        face: the second output, where the model has one.
        sha256: of the .tflite file.
        size: of the file in bytes.
        parameters, multiply_adds: of the float network, for one face.
        training_data: what it learnt from.
        measured: its accuracy on each set it was measured on.
        speed: its time for one face, on each runtime it was measured on.
        licence: terms of use.
        limits: what it must not be taken for.
    """

    name: str
    labels: Annotated[tuple[str, ...], msgspec.Meta(min_length=2)]
    input: Input
    output: Output
    sha256: Sha256
    parameters: int
    multiply_adds: int
    training_data: str
    measured: tuple[Accuracy, ...]
    licence: str
    limits: str
    label_set: str = ""
    face: FaceOutput | None = None
    size: int = 0
    speed: tuple[Speed, ...] = ()

    def __post_init__(self) -> None:
        if len(set(self.labels)) < len(self.labels) or not all(self.labels):
            raise ValueError("Expected `labels` that are not empty and all different")
        if UNCERTAIN in self.labels:
            raise ValueError(f"Expected `labels` other than `{UNCERTAIN}`, which is said of faces")


def card_path(model: Path) -> Path:
    """Return where the card of the .tflite file `model` lies: beside it."""
    return model.with_suffix(".json")


def load_card(model: Path) -> ModelCard:
    """Read the card of `model` and check that it is of this very file.

    Raises:
        ModelError: model or card is missing, malformed, or the hash differs.
    """
    card = _decode(card_path(model))
    found = sha256(model)
    if found != card.sha256:
        raise ModelError(
            f"{model}: expected sha256 {card.sha256} as its card says, found {found}; "
            "the file is damaged or not the card's: fetch both again"
        )
    return card


def _decode(path: Path) -> ModelCard:
    try:
        return msgspec.json.decode(read(path), type=ModelCard)
    except msgspec.MsgspecError as error:
        raise ModelError(f"{path}: is not a model card: {error}") from error
