"""Matching: which cells answer for which face."""

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="training needs the extra `convert`")

from converter.detector.loss import assign  # noqa: E402  # needs Keras


def _match(
    overlaps: list[list[float]],
    cells: list[list[int]],
    allowed: object = True,
    logits: float | np.ndarray = 0.0,
) -> np.ndarray:
    """Match one picture's faces, all cells equally sure unless told; at most 10 each."""
    count = len(overlaps[0])
    padded = np.zeros((1, len(overlaps), 12), np.float32)
    where = np.tile(np.arange(20, 32), (1, len(overlaps), 1)).astype(np.int32)
    may = np.zeros(padded.shape, bool)
    padded[0, :, :count], where[0, :, :count], may[0, :, :count] = overlaps, cells, allowed
    scores = np.zeros_like(padded)
    scores[0, :, :count] = logits
    chosen = assign(scores, padded, where, may, count=40)
    return np.asarray(keras.ops.convert_to_numpy(chosen))[0, :, :count]


def test_as_many_cells_answer_as_overlap_the_face_well() -> None:
    """SimOTA's dynamic k: the sum of the best overlaps, one at least."""
    assert _match([[0.9, 0.8, 0.7, 0.1]], [[0, 1, 2, 3]]).tolist() == [[1, 1, 0, 0]]
    assert _match([[0.1, 0.2, 0.0, 0.0]], [[0, 1, 2, 3]]).tolist() == [[0, 1, 0, 0]]


def test_a_cell_answers_for_the_face_it_fits_best() -> None:
    chosen = _match([[0.9, 0.3], [0.5, 0.6]], [[0, 1], [0, 2]])
    assert chosen.tolist() == [[1, 0], [0, 1]]


def test_a_cell_that_may_not_answer_never_does() -> None:
    allowed = np.array([[False, True]])
    assert _match([[0.9, 0.2]], [[0, 1]], allowed).tolist() == [[0, 1]]
    assert _match([[0.9, 0.2]], [[0, 1]], allowed=False).sum() == 0


def test_overlap_counts_three_times_as_much_as_the_score() -> None:
    """By hand: 0.3 against 0.2 gains 3 log 1.5 = 1.22; a logit of 1 against -1 gains 1."""
    assert _match([[0.3, 0.2]], [[0, 1]], logits=np.array([[-1.0, 1.0]])).tolist() == [[1, 0]]
    assert _match([[0.3, 0.2]], [[0, 1]], logits=np.array([[-2.0, 1.0]])).tolist() == [[0, 1]]
