"""FER+: what ten people saw in each face of FER2013 (Barsoum et al. 2016, arXiv:1608.01041)."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from converter.data.csv_files import Record, records
from converter.data.dataset import NOT_A_FACE, VOTE_COLUMNS, Usage
from edge.errors import DataError

COLUMNS = ("Usage", "Image name", *VOTE_COLUMNS)
NAME = re.compile(r"fer(\d{7})\.png")


def load_votes(path: Path, usage: Sequence[Usage]) -> NDArray[np.float32]:
    """Read fer2013new.csv, whose rows stand in the order of FER2013's.

    A row without an image name is one that FER+ left out of its pictures: it counts as one that
    all ten called "not a face".

    Args:
        path: the file.
        usage: the split of each face, in order.

    Returns:
        float32 (n, 10), in the order of `VOTE_COLUMNS`. Rows behind the last face are passed over.

    Raises:
        DataError: the file is malformed, too short, or in another order than the faces.
    """
    votes: list[list[float]] = []
    last_image = -1
    for expected, record in zip(usage, records(path, COLUMNS), strict=False):
        last_image = _check_order(record, expected, last_image)
        votes.append(_parse(record))
    if len(votes) < len(usage):
        raise DataError(
            f"{path}: expected {len(usage)} rows, one for each face, found {len(votes)}; "
            "give the file that belongs to the faces, whole"
        )
    return np.array(votes, dtype=np.float32)


def _check_order(record: Record, expected: Usage, last_image: int) -> int:
    """Check that a row is where it was published; return the number of the last named image."""
    found = record.usage()
    if found is not expected:
        raise record.error(
            f"expected a {expected} row like the face's, found {found}; "
            "are both files in their published order?"
        )
    name = record.texts["Image name"].strip()
    if not name:
        return last_image
    named = NAME.fullmatch(name)
    if named is None or int(named[1]) <= last_image:
        raise record.error(
            f"expected an image name behind fer{max(last_image, 0):07d}.png, found {name!r}; "
            "are both files in their published order?"
        )
    return int(named[1])


def _parse(record: Record) -> list[float]:
    texts = [record.texts[name] for name in VOTE_COLUMNS]
    if not all(text.isdecimal() and len(text) <= 2 for text in texts):
        raise record.error(f"expected vote counts, found {', '.join(texts)}; download it again")
    votes = [float(text) for text in texts]
    if not record.texts["Image name"].strip():
        votes[VOTE_COLUMNS.index("NF")] = NOT_A_FACE
    return votes
