"""Quality of a set: what in it would mislead a training or flatter a measurement."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from converter.data.dataset import Dataset, Usage
from edge.labels import EXPRESSIONS

Rows = NDArray[np.int64]
"""Indices into a Dataset, int64 (n,), rising."""


@dataclass(frozen=True, slots=True)
class Quality:
    """What was found.

    Attributes:
        rows: how many there are.
        repeats: rows whose picture an earlier row shows, to the pixel.
        contradictions: groups of rows with one picture and different labels.
        constant: rows whose picture is all of one grey.
        not_a_face: rows that all ten FER+ taggers called "not a face".
        shared: for two splits, the rows of the first whose picture the second holds too; pairs that
            share none are left out.
        counts: rows of each class, for each split.
    """

    rows: int
    repeats: Rows
    contradictions: tuple[Rows, ...]
    constant: Rows
    not_a_face: Rows
    shared: Mapping[tuple[Usage, Usage], Rows]
    counts: Mapping[Usage, Mapping[str, int]]


def assess(data: Dataset) -> Quality:
    """Look for copies, contradictions, and pictures that are no face."""
    groups = [group for group in _groups(data) if len(group) > 1]
    repeats = [row for group in groups for row in group[1:]]
    return Quality(
        rows=len(data),
        repeats=np.array(sorted(repeats), dtype=np.int64),
        contradictions=tuple(
            np.array(group) for group in groups if len(set(data.labels[group].tolist())) > 1
        ),
        constant=np.flatnonzero(data.constant()),
        not_a_face=np.flatnonzero(data.not_a_face()),
        shared=_shared(data),
        counts=_counts(data),
    )


def _groups(data: Dataset) -> list[list[int]]:
    """Return the rows of each distinct picture."""
    rows: dict[bytes, list[int]] = {}
    for row, face in enumerate(data.pixels):
        rows.setdefault(face.tobytes(), []).append(row)
    return list(rows.values())


def _shared(data: Dataset) -> dict[tuple[Usage, Usage], Rows]:
    shared = {}
    for usage, other in permutations(Usage, 2):
        rows = np.flatnonzero(data.usage == usage)
        copies = data.where(rows).copies_of(data.where(data.usage == other))
        if copies.any():
            shared[usage, other] = rows[copies]
    return shared


def _counts(data: Dataset) -> dict[Usage, dict[str, int]]:
    counts = {}
    for usage in Usage:
        labels = Counter(data.labels[data.usage == usage].tolist())
        if labels:
            counts[usage] = {EXPRESSIONS[label]: labels[label] for label in sorted(labels)}
    return counts
