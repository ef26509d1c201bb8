import msgspec
import numpy as np
import pytest

from converter.data.dataset import concatenate
from converter.evaluate.report import ClassMetrics, Report, evaluate, summarize
from edge.errors import DataError
from tests.converter.gray import SEVEN, constant, gray_faces, reader

FACES = gray_faces(["happy", "happy", "happy", "sad"])


def test_a_perfect_classifier_has_perfect_figures() -> None:
    figures = evaluate(reader(sharpness=50), FACES, "PublicTest", "labels").all_rows
    assert (figures.accuracy, figures.balanced_accuracy, figures.macro_f1) == (1, 1, 1)
    assert figures.log_loss == pytest.approx(0, abs=1e-4)
    assert figures.classes["happy"] == ClassMetrics(1, 1, 1, support=3)
    assert sum(map(sum, figures.confusion)) == 4
    assert figures.confusion[3][3] == 3


def test_a_constant_classifier_has_the_figures_worked_out_by_hand() -> None:
    figures = evaluate(constant("happy"), FACES, "PublicTest", "labels").all_rows
    assert (figures.accuracy, figures.balanced_accuracy) == (0.75, 0.5)
    assert figures.classes == {
        "happy": ClassMetrics(precision=0.75, recall=1, f1=round(6 / 7, 4), support=3),
        "sad": ClassMetrics(precision=0, recall=0, f1=0, support=1),
    }
    assert figures.macro_f1 == pytest.approx(3 / 7, abs=1e-4)
    assert figures.confusion[SEVEN.index("sad")][SEVEN.index("happy")] == 1
    confidence = np.exp(5) / (np.exp(5) + 6)
    assert figures.unscaled_calibration_error == pytest.approx(confidence - 0.75, abs=1e-4)
    assert [one.rows for one in figures.bins] == [4]


def test_a_classifier_that_is_never_right_has_counts_all_the_same() -> None:
    report = evaluate(constant("fear"), FACES, "PublicTest", "labels")
    assert report.all_rows.accuracy == 0
    assert report.all_rows.classes["happy"] == ClassMetrics(0, 0, 0, support=3)
    assert "happy      0.000   0.000  0.000      3" in summarize(report)


def test_the_mean_over_classes_leaves_out_those_that_no_row_has() -> None:
    report = evaluate(reader(), FACES, "PublicTest", "labels")
    assert set(report.all_rows.classes) == {"happy", "sad"}
    assert report.all_rows.macro_f1 == 1


def test_everything_is_measured_again_without_copies_of_training_images() -> None:
    data = concatenate([FACES, gray_faces(["happy"], "Training")])
    report = evaluate(constant("happy"), data, "PublicTest", "labels")
    assert report.without_copies is not None
    assert report.without_copies.rows == 3
    assert report.without_copies.accuracy == pytest.approx(2 / 3, abs=1e-4)
    assert report.without_copies.data == "gray PublicTest without copies of Training pictures"


def test_without_training_rows_nothing_is_claimed_of_copies() -> None:
    report = evaluate(reader(), FACES, "PublicTest", "labels")
    assert report.without_copies is None
    assert "not measured" in summarize(report)


def test_the_training_rows_themselves_are_all_copies() -> None:
    training = gray_faces(["happy", "sad"], "Training")
    assert evaluate(reader(), training, "Training", "labels").without_copies is None


def test_a_report_comes_back_from_its_json() -> None:
    data = concatenate([FACES, gray_faces(["happy"], "Training")])
    report = evaluate(reader(), data, "PublicTest", "labels")
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report


def test_what_is_merged_and_what_is_left_out_stand_in_report_and_summary() -> None:
    faces = gray_faces(["disgust", "angry", "contempt"])
    model = reader(("angry", "happy"), merged={"disgust": "angry"})
    report = evaluate(model, faces, "PublicTest", "labels")
    assert report.merged == {"disgust": "angry"}
    assert report.left_out == {"contempt, which the model does not know": 1}
    assert report.all_rows.classes["angry"].support == 2
    printed = summarize(report)
    assert "disgust counts as angry" in printed
    assert "contempt, which the model does not know: 1" in printed


def test_the_summary_gives_the_accuracy_with_its_interval_and_a_line_a_class() -> None:
    printed = summarize(evaluate(constant("happy"), FACES, "PublicTest", "labels"))
    assert "gray: 75.00% (30.1% to 95.4%) of gray PublicTest, 4 rows" in printed
    assert "happy      0.750   1.000  0.857      3" in printed


def test_a_split_that_is_not_there_is_an_error() -> None:
    with pytest.raises(DataError, match="PrivateTest"):
        evaluate(reader(), FACES, "PrivateTest", "labels")
