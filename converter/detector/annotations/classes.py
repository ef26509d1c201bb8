"""Which classes of other sets are faces."""

from collections.abc import Iterable
from pathlib import Path

from edge.errors import DataError

FACES = frozenset(
    {
        "face",
        "human_face",  # Open Images
        "with_mask",  # Kaggle's face mask detection, with the two below
        "without_mask",
        "mask_weared_incorrect",
        "incorrect_mask",  # PWMFD, beside with_mask and without_mask
        "face_mask",  # AIZOO: a masked face, beside face
        "face_with_mask",  # a set of medical masks on Kaggle, with the three below
        "face_no_mask",
        "face_with_mask_incorrect",
        "face_other_covering",
        "mask",  # in sets that part faces into mask and no mask
        "no_mask",
        "nomask",
    }
)
"""Classes whose box is that of a face, in small letters.

`head` is not among them: such boxes hold hair and the backs of heads too.
"""


def is_face(name: str) -> bool:
    """Tell whether a class is one, in capitals or not, its words joined by _, - or a blank."""
    return "_".join(name.lower().replace("-", " ").replace("_", " ").split()) in FACES


def check_faces(path: Path, names: Iterable[str]) -> None:
    """Check that at least one of a set's classes is a face, where it has any class.

    A set whose faces are called otherwise would be read as pictures without a face.

    Raises:
        DataError: none is.
    """
    found = sorted(set(names))
    if found and not any(is_face(name) for name in found):
        raise DataError(
            f"{path}: expected a class of faces ({', '.join(sorted(FACES))}), "
            f"found only {', '.join(found)}; rename the one that is"
        )
