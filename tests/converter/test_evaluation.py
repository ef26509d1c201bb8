import numpy as np
import pytest

from converter.evaluation import calibration_error, fit_temperature, measure, wilson_interval
from edge.infer.calibration import softmax


def test_the_interval_holds_the_share_and_narrows_with_the_rows() -> None:
    low, high = wilson_interval(640, 1000)
    assert low == pytest.approx(0.6098, abs=1e-4)
    assert high == pytest.approx(0.6691, abs=1e-4)
    assert wilson_interval(0, 10)[0] == pytest.approx(0, abs=1e-9)


def test_confidence_that_equals_accuracy_has_no_calibration_error() -> None:
    probabilities = np.tile(np.array([[0.75, 0.25]], dtype=np.float32), (4, 1))
    assert calibration_error(probabilities, np.array([0, 0, 0, 1])) == pytest.approx(0)
    assert calibration_error(probabilities, np.array([1, 1, 1, 1])) == pytest.approx(0.75)


def test_the_temperature_undoes_overconfidence() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4000, 7)).astype(np.float32)
    chances = softmax(logits, 1.0)
    labels = np.array([rng.choice(7, p=row / row.sum()) for row in chances.astype(float)])
    assert fit_temperature(3 * logits, labels) == pytest.approx(3.0, abs=0.3)


def test_accuracy_and_recall_are_shares_of_rows() -> None:
    probabilities = np.eye(7, dtype=np.float32)[[0, 0, 3, 3]]
    accuracy = measure("four rows", probabilities, np.array([0, 1, 3, 3]))
    assert accuracy.rows == 4
    assert accuracy.accuracy == 0.75
    assert accuracy.recall == {"angry": 1.0, "disgust": 0.0, "happy": 1.0}
