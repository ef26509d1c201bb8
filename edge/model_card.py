"""What the cards of all models have in common: how they are read, and what they say alike."""

from pathlib import Path
from typing import Annotated, TypeVar

import msgspec

from edge.errors import ModelError
from edge.fileio import read, sha256

Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]


class Speed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long one face, for a detector one picture, took, once.

    Attributes:
        runtime: what ran the model, and its version.
        machine: the processor it ran on.
        milliseconds: median of one face or picture on one thread.
    """

    runtime: str
    machine: str
    milliseconds: float


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every card tells of its .tflite file.

    Attributes:
        sha256: of the file.
        parameters, multiply_adds: of the float network, for one face or picture.
        training_data: what it learnt from.
        licence: terms of use.
        limits: what it must not be taken for.
        size: of the file in bytes.
        speed: its time for one face or picture, on each runtime it was measured on.
    """

    name: str
    sha256: Sha256
    parameters: int
    multiply_adds: int
    training_data: str
    licence: str
    limits: str
    size: int = 0
    speed: tuple[Speed, ...] = ()


AnyCard = TypeVar("AnyCard", bound=Card)


def card_path(model: Path) -> Path:
    """Return where the card of the .tflite file `model` lies: beside it."""
    return model.with_suffix(".json")


def read_card(model: Path, kind: type[AnyCard], called: str) -> AnyCard:
    """Read the card of `model` and check that it is of this very file.

    Args:
        model: the .tflite file.
        kind: what the card must hold.
        called: what an error calls such a card.

    Raises:
        ModelError: model or card is missing, malformed, or the hash differs.
    """
    found = sha256(model)  # first: where both are missing, the model is what to tell of
    card = decode_card(card_path(model), kind, called)
    if found != card.sha256:
        raise ModelError(
            f"{model}: expected sha256 {card.sha256} as its card says, found {found}; "
            "the file is damaged or not the card's: fetch both again"
        )
    return card


def decode_card(path: Path, kind: type[AnyCard], called: str) -> AnyCard:
    """Read a card, whatever its model is.

    Raises:
        ModelError: it is missing or malformed.
    """
    try:
        return msgspec.json.decode(read(path), type=kind)
    except msgspec.MsgspecError as error:
        raise ModelError(f"{path}: is not {called}: {error}") from error
