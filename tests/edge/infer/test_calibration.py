import numpy as np
import pytest

from edge.infer.calibration import softmax


def test_softmax_of_equal_logits_is_even() -> None:
    assert softmax(np.zeros((2, 4), dtype=np.float32), 1.0) == pytest.approx(np.full((2, 4), 0.25))


def test_huge_logits_do_not_overflow() -> None:
    assert softmax(np.array([[1e4, 0.0]], dtype=np.float32), 1.0).tolist() == [[1.0, 0.0]]
