"""Splits for sets that bring none: always the same, and without a seed."""

from collections.abc import Sequence
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from converter.data.dataset import Usage

TEST_SHARE = 0.2
"""About this share of the names becomes PublicTest, the rest Training."""


def by_subject(subjects: Sequence[str]) -> NDArray[np.str_]:
    """Return the split of each row, str (n,): all rows of one subject are in the same one.

    Where there are two subjects or more, each split has at least one.
    """
    ranked = sorted(set(subjects), key=chance)
    tested = max(1, round(TEST_SHARE * len(ranked))) if len(ranked) > 1 else 0
    test = set(ranked[:tested])
    return np.array([Usage.PUBLIC_TEST if one in test else Usage.TRAINING for one in subjects])


def by_name(name: str) -> Usage:
    """Return the split of one picture, by its name alone, whatever else comes or goes."""
    return Usage.PUBLIC_TEST if chance(name) < TEST_SHARE else Usage.TRAINING


def chance(name: str) -> float:
    """Return a number from 0 to 1 that follows from the name as if by chance."""
    return int.from_bytes(sha256(name.encode(errors="surrogateescape")).digest()[:8]) / 2**64
