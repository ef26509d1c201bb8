"""The split of a photograph whose set brings none: always the same, and without a seed."""

from converter.data.split import chance
from converter.detection.photographs import Split

TEST_SHARE = 0.1
"""About this share of the names is for the test."""


def by_name(name: str) -> Split:
    """Return the split of one picture, by its name alone, whatever else comes or goes."""
    return Split.TEST if chance(name) < TEST_SHARE else Split.TRAIN
