"""What is truly to be seen in a photo or clip."""

from pathlib import Path
from typing import Annotated

import msgspec

from edge.errors import DataError
from edge.geometry import Box

HEIGHT_FACTOR = 2.0
"""How much higher or lower than the face a box may be and still be of it: detectors draw their
boxes by customs of their own, from the eyebrows or from the hair."""


class Switch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A face turns into another expression.

    Attributes:
        at: second of the film, the middle of the turn.
        to: what it shows from then on.
    """

    at: float
    to: str


class Person(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One face throughout a file.

    Attributes:
        region: left, top, right, bottom in pixels of the file; holds the centre of the face in
            every frame.
        height: of the face, in pixels of the file.
        first: frame from which it counts as visible.
        expression: what it shows at first, and where there are no switches throughout; None where
            that cannot be said.
        switches: when it turns into something else, in order.
    """

    region: tuple[float, float, float, float]
    height: Annotated[float, msgspec.Meta(gt=0.0)]
    first: Annotated[int, msgspec.Meta(ge=0)] = 0
    expression: str | None = None
    switches: tuple[Switch, ...] = ()

    def shown_by(self, box: Box) -> bool:
        """Tell whether `box` is of this face: its centre is in the region, its height plausible."""
        left, top, right, bottom = self.region
        within = left <= box.center.x <= right and top <= box.center.y <= bottom
        return within and self.height / HEIGHT_FACTOR <= box.height <= self.height * HEIGHT_FACTOR


class Scene(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everyone who is to be seen in one file; nobody in most pictures of the world."""

    people: tuple[Person, ...] = ()


def load_labels(path: Path) -> dict[str, Scene]:
    """Return the scene of each file by its name.

    Raises:
        DataError: the labels cannot be read.
    """
    try:
        return msgspec.yaml.decode(path.read_bytes(), type=dict[str, Scene])
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise DataError(f"{path}: {error}") from error
