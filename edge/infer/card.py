"""Model card of a classifier: what its .tflite file takes and gives."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from edge.model_card import Card, Share, card_path, decode_card, read_card
from edge.paths import find_model
from edge.types import UNCERTAIN

CALLED = "a model card"


class Input(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Input of the model.

    Attributes:
        shape: one face: height, width, channels.
        dtype: type of the input tensor.
        scale, offset: a gray level v, 0-255, enters as `v * scale + offset`.
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
    """Output of the model.

    Attributes:
        kind: "logits" go through a softmax, "probabilities" are used as they are.
        dtype: type of the output tensor; integers are dequantized by the tensor's own scale.
        temperature: divides the logits before the softmax (Guo et al. 2017, arXiv:1706.04599).
        offsets: added to the logits before that, one for each label: the prior correction, minus
            the logarithm of a class's share in training to some power (Saerens et al. 2002,
            doi:10.1162/089976602753284446; Menon et al. 2021, arXiv:2007.07314). Empty adds none.
    """

    kind: Literal["logits", "probabilities"]
    dtype: Literal["uint8", "int8", "float32"]
    temperature: Annotated[float, msgspec.Meta(ge=0.05, le=20.0)]
    offsets: tuple[Annotated[float, msgspec.Meta(ge=-20.0, le=20.0)], ...] = ()

    def __post_init__(self) -> None:
        if self.offsets and self.kind != "logits":
            raise ValueError("Expected no `offsets`: they are added to logits")


class FaceOutput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Second output: the logit of the crop being a face at all.

    It has one value and the classes are at least two, which tells the outputs apart: converters put
    them in any order.

    Attributes:
        dtype: type of the output tensor; integers are dequantized by the tensor's own scale.
        threshold: a crop whose probability of being a face is below it is rejected.
    """

    dtype: Literal["uint8", "int8", "float32"]
    threshold: Share


class Accuracy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Accuracy of the model on one set.

    Attributes:
        data: the rows it was measured on.
        rows: how many.
        accuracy: share of rows classified as labeled.
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


class ModelCard(Card, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything the daemon and its user need to know of one model.

    Attributes:
        labels: the classes in the order of the output.
        measured: its accuracy on each set it was measured on.
        label_set: the name of the converter's label set, empty for a set of its own.
        face: the second output, where the model has one.
    """

    labels: Annotated[tuple[str, ...], msgspec.Meta(min_length=2)]
    input: Input
    output: Output
    measured: tuple[Accuracy, ...]
    label_set: str = ""
    face: FaceOutput | None = None

    def __post_init__(self) -> None:
        if len(set(self.labels)) < len(self.labels) or not all(self.labels):
            raise ValueError("Expected `labels` that are not empty and all different")
        if UNCERTAIN in self.labels:
            raise ValueError(f"Expected `labels` other than `{UNCERTAIN}`, which is said of faces")
        if len(self.output.offsets) not in (0, len(self.labels)):
            raise ValueError("Expected as many `offsets` as `labels`, or none")


def load_card(model: Path) -> ModelCard:
    """Read the card of `model` and check that it is of this very file.

    Raises:
        ModelError: model or card is missing, malformed, or the hash differs.
    """
    return read_card(model, ModelCard, CALLED)


def read_labels(model: Path) -> tuple[str, ...]:
    """Return the classes of a model, by its path or name, from its card alone.

    Raises:
        ModelError: model or card is missing, or the card malformed.
    """
    return decode_card(card_path(find_model(model)), ModelCard, CALLED).labels
