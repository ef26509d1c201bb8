import numpy as np
import pytest

from converter.evaluate.report import (
    calibration_error,
    compute_metrics,
    fit_temperature,
    log_loss,
    mcnemar,
)
from edge.errors import DataError
from edge.tflite import softmax
from tests.converter.gray import SEVEN


def test_the_interval_holds_the_share_and_narrows_with_the_rows() -> None:
    answers = np.eye(2, dtype=np.float32)[np.repeat([0, 1], [640, 360])]
    one = compute_metrics("mine", answers, np.zeros(1000, np.int64), ("a", "b"))
    assert one.interval == pytest.approx((0.6098, 0.6691), abs=2e-4)
    none = compute_metrics("mine", answers[640:650], np.zeros(10, np.int64), ("a", "b"))
    assert none.interval[0] == 0


def test_a_loss_is_judged_by_the_rows_that_differ_alone() -> None:
    right = np.ones(1000, dtype=np.bool_)
    worse = right.copy()
    worse[:5] = False
    assert mcnemar(right, worse) == 1 / 32
    assert mcnemar(worse, right) == 1
    assert mcnemar(right, right) == 1
    other = np.arange(1000) % 2 == 0  # as many gained as lost
    assert mcnemar(other, ~other) > 0.5


def test_confidence_that_equals_accuracy_has_no_calibration_error() -> None:
    probabilities = np.tile(np.array([[0.75, 0.25]], dtype=np.float32), (4, 1))
    assert calibration_error(probabilities, np.array([0, 0, 0, 1])) == pytest.approx(0)
    assert calibration_error(probabilities, np.array([1, 1, 1, 1])) == pytest.approx(0.75)


def test_the_log_loss_is_the_mean_surprise_at_the_truth() -> None:
    probabilities = np.array([[0.5, 0.5], [0.25, 0.75]], dtype=np.float32)
    assert log_loss(probabilities, np.array([0, 0])) == pytest.approx(1.5 * np.log(2))


def _honest(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw logits, and classes as likely as the logits say."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(rows, 7)).astype(np.float32)
    chances = softmax(logits, 1.0).astype(float)
    return logits, np.array([rng.choice(7, p=row / row.sum()) for row in chances])


def test_the_temperature_undoes_overconfidence() -> None:
    logits, classes = _honest(4000)
    assert fit_temperature(3 * logits, classes) == pytest.approx(3.0, abs=0.3)


def test_accuracy_recall_and_f1_are_those_worked_out_by_hand() -> None:
    probabilities = np.eye(7, dtype=np.float32)[[0, 0, 3, 3]]
    accuracy = compute_metrics("four rows", probabilities, np.array([0, 1, 3, 3]), SEVEN)
    assert accuracy.rows == 4
    assert accuracy.accuracy == 0.75
    assert accuracy.recall == {"angry": 1.0, "disgust": 0.0, "happy": 1.0}
    assert accuracy.balanced_accuracy == pytest.approx(2 / 3, abs=1e-4)
    assert accuracy.macro_f1 == pytest.approx((2 / 3 + 0 + 1) / 3, abs=1e-4)


def test_recall_is_told_by_the_labels_of_the_model() -> None:
    accuracy = compute_metrics(
        "two rows", np.eye(2, dtype=np.float32), np.array([0, 1]), ("sad", "happy")
    )
    assert accuracy.recall == {"sad": 1.0, "happy": 1.0}


def test_no_rows_are_an_error_that_names_them() -> None:
    with pytest.raises(DataError, match="nobody: expected rows"):
        compute_metrics("nobody", np.empty((0, 7), np.float32), np.empty(0, np.int64), SEVEN)
