from pathlib import Path

import numpy as np
import pytest

from converter.data import EXPRESSIONS, Dataset
from converter.data.dataset import concatenate, make_dataset
from converter.data.label_sets import (
    LABEL_SETS,
    LabelSet,
    ferplus_majority,
    find_expression,
    label_set_for,
    select_rows,
    vote_shares,
)
from edge.errors import DataError
from tests.converter.faces import dataset as drawn
from tests.converter.gray import SEVEN, gray_faces


def rows(labels: list[int], votes: list[list[int]] | None = None) -> Dataset:
    """Return a row for each label, without an image to speak of."""
    return make_dataset(
        np.zeros((len(labels), 48, 48), dtype=np.uint8),
        np.array(labels),
        np.array(["Training"] * len(labels)),
        source="test",
        votes=None if votes is None else np.array(votes, dtype=np.float32),
    )


def test_the_votes_of_each_label_are_put_in_the_order_of_the_labels(tmp_path: Path) -> None:
    data = drawn(tmp_path)
    assert (LABEL_SETS["7"].votes(data).argmax(axis=1) == data.labels).all()


def test_votes_become_shares_and_what_nobody_voted_on_is_as_told() -> None:
    shares = vote_shares(np.array([[6, 2], [0, 0]], np.float32), np.array([[0, 1], [0, 1]]))
    assert shares.tolist() == [[0.75, 0.25], [0, 1]]


def test_six_classes_count_disgust_as_angry_with_its_votes() -> None:
    six = LABEL_SETS["6"]
    data = rows([0, 1], [[0, 0, 0, 0, 3, 5, 0, 0, 2, 0]] * 2)
    assert six.classes(data).tolist() == [six.labels.index("angry")] * 2
    assert six.votes(data)[0, six.labels.index("angry")] == 8


@pytest.mark.parametrize(("name", "kept"), [("5", 5), ("6", 7), ("7", 7), ("8", 8), ("ck", 7)])
def test_rows_of_classes_that_the_set_does_not_know_are_left_out(name: str, kept: int) -> None:
    label_set = {str(key): value for key, value in LABEL_SETS.items()}[name]
    data = rows(list(range(len(EXPRESSIONS))))
    assert len(label_set.keep(data)) == kept
    assert (label_set.classes(label_set.keep(data)) >= 0).all()


def test_the_majority_is_the_label_and_rows_without_one_are_dropped() -> None:
    data = rows(
        [0, 0, 0, 0, 0],
        [
            [1, 7, 0, 0, 0, 0, 0, 0, 2, 0],  # happy
            [0, 0, 0, 0, 0, 0, 0, 8, 2, 0],  # contempt
            [5, 5, 0, 0, 0, 0, 0, 0, 0, 0],  # no majority
            [1, 1, 0, 0, 0, 0, 0, 0, 8, 0],  # unknown
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 10],  # not a face
        ],
    )
    majority = ferplus_majority(data)
    assert [EXPRESSIONS[label] for label in majority.labels] == ["happy", "contempt"]


SET_7 = LABEL_SETS["7"]


def test_rows_of_a_class_the_model_does_not_know_are_left_out_and_counted() -> None:
    data = gray_faces(["happy", "contempt", "contempt", "sad"])
    selection = select_rows(data, "PublicTest", "labels", SET_7)
    assert selection.classes.tolist() == [3, 4]
    assert selection.excluded == {"contempt, which the model does not know": 2}


def test_a_merged_class_counts_as_the_other() -> None:
    selection = select_rows(gray_faces(["disgust"]), "PublicTest", "labels", LABEL_SETS["6"])
    assert selection.classes.tolist() == [0]
    assert not selection.excluded


def test_all_rows_are_measured_together_and_not_compared_with_training() -> None:
    data = concatenate([gray_faces(["happy", "sad"]), gray_faces(["fear"], "Training")])
    selection = select_rows(data, "all", "labels", SET_7)
    assert selection.name == "gray all"
    assert len(selection.classes) == 3
    assert list(selection.parts()) == ["gray all"]


def test_copies_are_told_where_training_rows_are_at_hand() -> None:
    test, training = gray_faces(["happy", "sad"]), gray_faces(["happy"], "Training")
    alone = select_rows(test, "PublicTest", "labels", SET_7)
    assert alone.unique is None
    both = select_rows(concatenate([test, training]), "PublicTest", "labels", SET_7)
    assert both.unique is not None
    assert both.unique.tolist() == [False, True]


def test_by_ferplus_the_majority_is_the_truth_and_rows_without_one_are_dropped() -> None:
    votes = np.zeros((4, 10))
    votes[0, 1] = 10  # happiness
    votes[1, [0, 3]] = 5  # neutral, sadness: no majority
    votes[2, 8] = 10  # unknown
    votes[3, 7] = 10  # contempt
    data = gray_faces(["sad", "sad", "sad", "sad"], votes=votes)
    selection = select_rows(data, "PublicTest", "ferplus", SET_7)
    assert selection.name == "gray PublicTest, FER+ majority"
    assert [SEVEN[index] for index in selection.classes] == ["happy"]
    assert selection.excluded == {
        "no majority among FER+'s votes, unknown, or not a face": 2,
        "contempt, which the model does not know": 1,
    }
    everyone = select_rows(data, "PublicTest", "ferplus", LABEL_SETS["8"])
    assert [EXPRESSIONS[index] for index in everyone.classes] == ["happy", "contempt"]


def test_ferplus_without_votes_asks_for_them() -> None:
    with pytest.raises(DataError, match="give --votes"):
        select_rows(gray_faces(["happy"]), "PublicTest", "ferplus", SET_7)


def test_a_split_of_which_the_model_knows_no_class_is_an_error() -> None:
    with pytest.raises(DataError, match="knows the class of none of the 1 rows"):
        select_rows(gray_faces(["contempt"]), "PublicTest", "labels", SET_7)


def test_the_classes_keep_the_order_of_the_models_output() -> None:
    model = Path("m.tflite")
    assert label_set_for(model, tuple(reversed(EXPRESSIONS)), "8").labels == EXPRESSIONS[::-1]
    six = LABEL_SETS["6"]
    assert label_set_for(model, six.labels[::-1], "6") == LabelSet(six.labels[::-1], six.merged)
    assert label_set_for(model, ("happy", "sad")) == LabelSet(("happy", "sad"))


@pytest.mark.parametrize(
    ("name", "expression"),
    [
        ("Joy", "happy"),
        ("HAPPINESS", "happy"),
        ("Anger", "angry"),
        ("afraid", "fear"),
        ("0_surprised", "surprise"),
        ("7 - Contempt", "contempt"),
        ("bored", None),
        ("0", None),
    ],
)
def test_expressions_are_known_by_what_others_call_them(name: str, expression: str | None) -> None:
    assert find_expression(name) == expression


def test_labels_of_a_model_are_known_by_what_others_call_them() -> None:
    found = label_set_for(Path("m.tflite"), ("Anger", "Joy", "neutral"))
    assert found.labels == ("angry", "happy", "neutral")


@pytest.mark.parametrize(
    ("labels", "name", "complaint"),
    [
        (("bored", "sad"), "", "found 'bored': name the model's classes so"),
        (("happy", "sad"), "9", "expected a label set among 5, 6, 7, 8, ck, found label_set '9'"),
        (("happy", "sad"), "5", "expected the labels happy, angry, sad, neutral, surprise"),
    ],
)
def test_labels_that_are_not_the_datas_are_an_error_with_a_remedy(
    labels: tuple[str, ...], name: str, complaint: str
) -> None:
    with pytest.raises(DataError, match=f"m.tflite: .*{complaint}"):
        label_set_for(Path("m.tflite"), labels, name)
