from pathlib import Path

import numpy as np
import pytest

from converter.data import EXPRESSIONS, concatenate
from converter.data.label_sets import (
    LABEL_SETS,
    LabelProtocol,
    LabelSet,
    label_set_for,
    select_rows,
)
from edge.errors import DataError
from tests.converter.gray import SEVEN, grey_faces

SET_7 = LABEL_SETS["7"]


def test_rows_of_a_class_the_model_does_not_know_are_left_out_and_counted() -> None:
    data = grey_faces(["happy", "contempt", "contempt", "sad"])
    selection = select_rows(data, "PublicTest", LabelProtocol.LABELS, SET_7)
    assert selection.classes.tolist() == [3, 4]
    assert selection.excluded == {"contempt, which the model does not know": 2}


def test_a_merged_class_counts_as_the_other() -> None:
    selection = select_rows(
        grey_faces(["disgust"]), "PublicTest", LabelProtocol.LABELS, LABEL_SETS["6"]
    )
    assert selection.classes.tolist() == [0]
    assert not selection.excluded


def test_copies_are_told_where_training_rows_are_at_hand() -> None:
    test, training = grey_faces(["happy", "sad"]), grey_faces(["happy"], "Training")
    alone = select_rows(test, "PublicTest", LabelProtocol.LABELS, SET_7)
    assert alone.unique is None
    both = select_rows(concatenate([test, training]), "PublicTest", LabelProtocol.LABELS, SET_7)
    assert both.unique is not None
    assert both.unique.tolist() == [False, True]


def test_by_ferplus_the_majority_is_the_truth_and_rows_without_one_are_dropped() -> None:
    votes = np.zeros((4, 10))
    votes[0, 1] = 10  # happiness
    votes[1, [0, 3]] = 5  # neutral, sadness: no majority
    votes[2, 8] = 10  # unknown
    votes[3, 7] = 10  # contempt
    data = grey_faces(["sad", "sad", "sad", "sad"], votes=votes)
    selection = select_rows(data, "PublicTest", LabelProtocol.FERPLUS, SET_7)
    assert selection.name == "grey PublicTest, FER+ majority"
    assert [SEVEN[index] for index in selection.classes] == ["happy"]
    assert selection.excluded == {
        "no majority among FER+'s votes, unknown, or not a face": 2,
        "contempt, which the model does not know": 1,
    }
    everyone = select_rows(data, "PublicTest", LabelProtocol.FERPLUS, LABEL_SETS["8"])
    assert [EXPRESSIONS[index] for index in everyone.classes] == ["happy", "contempt"]


def test_ferplus_without_votes_asks_for_them() -> None:
    with pytest.raises(DataError, match="give --votes"):
        select_rows(grey_faces(["happy"]), "PublicTest", LabelProtocol.FERPLUS, SET_7)


def test_a_split_of_which_the_model_knows_no_class_is_an_error() -> None:
    with pytest.raises(DataError, match="knows the class of none of the 1 rows"):
        select_rows(grey_faces(["contempt"]), "PublicTest", LabelProtocol.LABELS, SET_7)


def test_the_classes_keep_the_order_of_the_models_output() -> None:
    model = Path("m.tflite")
    assert label_set_for(model, tuple(reversed(EXPRESSIONS)), "8").labels == EXPRESSIONS[::-1]
    six = LABEL_SETS["6"]
    assert label_set_for(model, six.labels[::-1], "6") == LabelSet(six.labels[::-1], six.merged)
    assert label_set_for(model, ("happy", "sad")) == LabelSet(("happy", "sad"))


@pytest.mark.parametrize(
    ("labels", "name", "complaint"),
    [
        (("joy", "sad"), "", "found 'joy': name the model's classes so"),
        (("happy", "sad"), "9", "expected a label set among 5, 6, 7, 8, found label_set '9'"),
        (("happy", "sad"), "5", "expected the labels happy, angry, sad, neutral, surprise"),
    ],
)
def test_labels_that_are_not_the_datas_are_an_error_with_a_remedy(
    labels: tuple[str, ...], name: str, complaint: str
) -> None:
    with pytest.raises(DataError, match=f"m.tflite: .*{complaint}"):
        label_set_for(Path("m.tflite"), labels, name)
