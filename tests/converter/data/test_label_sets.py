from pathlib import Path

import numpy as np
import pytest

from converter.data import EXPRESSIONS, Dataset, load_fer2013, make_dataset
from converter.data.label_sets import LABEL_SETS, ferplus_majority
from edge.errors import DataError
from tests.converter.faces import dataset as drawn
from tests.converter.faces import write_csv


def rows(labels: list[int], votes: list[list[int]] | None = None) -> Dataset:
    """Return a row for each label, without a picture to speak of."""
    return make_dataset(
        np.zeros((len(labels), 48, 48), dtype=np.uint8),
        np.array(labels),
        np.array(["Training"] * len(labels)),
        source="test",
        votes=None if votes is None else np.array(votes, dtype=np.float32),
    )


def test_the_votes_of_each_label_are_put_in_the_order_of_the_labels(tmp_path: Path) -> None:
    data = drawn(tmp_path)
    targets = LABEL_SETS["7"].targets(data, vote_weight=1.0)
    assert (targets.argmax(axis=1) == data.labels).all()


def test_targets_mix_label_and_votes_and_sum_to_one() -> None:
    # neutral 6, happiness 2, unknown 2; and a row that nobody voted on
    data = rows([3, 5], [[6, 2, 0, 0, 0, 0, 0, 0, 2, 0], [0] * 10])
    seven = LABEL_SETS["7"]
    targets = seven.targets(data, vote_weight=0.4)
    assert targets.sum(axis=1) == pytest.approx([1, 1])
    assert targets[0, seven.labels.index("happy")] == pytest.approx(0.6 + 0.4 * 0.25)
    assert targets[0, seven.labels.index("neutral")] == pytest.approx(0.4 * 0.75)
    assert targets[1].tolist() == np.eye(7, dtype=np.float32)[5].tolist()


def test_targets_of_votes_without_votes_are_refused(tmp_path: Path) -> None:
    data, _ = write_csv(tmp_path)
    with pytest.raises(DataError, match="give --votes"):
        LABEL_SETS["7"].targets(load_fer2013(data), vote_weight=0.3)


def test_six_classes_count_disgust_as_angry_with_its_votes() -> None:
    six = LABEL_SETS["6"]
    data = rows([0, 1], [[0, 0, 0, 0, 3, 5, 0, 0, 2, 0]] * 2)
    assert six.classes(data).tolist() == [six.labels.index("angry")] * 2
    assert six.votes(data)[0, six.labels.index("angry")] == 8


@pytest.mark.parametrize(("name", "kept"), [("5", 5), ("6", 7), ("7", 7), ("8", 8)])
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
