import numpy as np
import pytest

from edge.activations import sigmoid, softmax


def test_softmax_of_equal_logits_is_even() -> None:
    assert softmax(np.zeros((2, 4), dtype=np.float32), 1.0) == pytest.approx(np.full((2, 4), 0.25))


def test_huge_logits_do_not_overflow() -> None:
    assert softmax(np.array([[1e4, 0.0]], dtype=np.float32), 1.0).tolist() == [[1.0, 0.0]]


def test_sigmoid_stays_between_0_and_1_however_large_the_logit() -> None:
    logits = np.array([-1e6, -2, 0, 2, 1e6], dtype=np.float32)
    assert sigmoid(logits).tolist() == pytest.approx([0, 0.1192, 0.5, 0.8808, 1], abs=1e-4)
