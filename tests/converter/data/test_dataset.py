from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from converter.data import Dataset, Usage
from converter.data.dataset import check_dataset, concatenate, split_by_subject
from edge.errors import DataError
from tests.converter.faces import dataset
from tools.datasets import distinct


def test_constant_images_and_images_of_no_face_are_dropped(tmp_path: Path) -> None:
    data = dataset(tmp_path)
    data.votes[3, 9] = 10
    data.pixels[5] = 77
    assert len(data.without_non_faces()) == len(data) - 2


def test_copies_are_found_within_a_set_and_between_two(tmp_path: Path) -> None:
    data = dataset(tmp_path)
    data.pixels[10] = data.pixels[2]
    assert len(distinct(data)) == len(data) - 1
    rows = np.arange(len(data))
    assert data.select(rows >= 10).copies_of(data.select(rows < 10)).tolist()[:2] == [True, False]


def test_an_unknown_split_is_told_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="split PrivateTest, found rows of PublicTest, Training"):
        dataset(tmp_path).split(Usage.PRIVATE_TEST)


def test_all_is_every_row_of_every_split(tmp_path: Path) -> None:
    data = dataset(tmp_path)
    assert len(data.split("all")) == len(data)


def test_without_a_test_split_one_in_five_training_images_is_held_out(tmp_path: Path) -> None:
    training = dataset(tmp_path, rows_per_label=40).split("Training")
    held_out = training.with_public_test()
    assert len(held_out.split("PublicTest")) == pytest.approx(len(training) / 5, rel=0.4)
    assert len(held_out) == len(training)
    again = training.select(np.arange(len(training))[::-1]).with_public_test()
    assert again.usage.tolist() == held_out.usage.tolist()[::-1]


def test_a_test_split_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    data = dataset(tmp_path)
    assert data.with_public_test().usage.tolist() == data.usage.tolist()


def test_sets_are_combined_row_behind_row_each_with_its_weight(tmp_path: Path) -> None:
    data = dataset(tmp_path, rows_per_label=1)
    both = concatenate([data, data.weighted(2.5)])
    assert len(both) == 14
    assert both.weights.tolist() == [1.0] * 7 + [2.5] * 7
    assert both.pixels[7:].tolist() == data.pixels.tolist()


def test_all_rows_of_a_subject_are_in_one_split() -> None:
    subjects = [f"S{number % 50:03d}" for number in range(500)]
    usage = split_by_subject(subjects)
    assert len(set(zip(subjects, usage.tolist(), strict=True))) == 50


def test_about_a_fifth_of_the_subjects_is_tested() -> None:
    usage = split_by_subject([f"S{number:03d}" for number in range(100)])
    assert Counter(usage.tolist()) == {"Training": 80, "PublicTest": 20}


@pytest.mark.parametrize("count", [2, 3])
def test_few_subjects_still_fill_both_splits(count: int) -> None:
    assert set(split_by_subject(["KA", "KL", "KM"][:count]).tolist()) == {"Training", "PublicTest"}


def test_one_subject_alone_is_trained_on() -> None:
    assert split_by_subject(["KA", "KA"]).tolist() == ["Training", "Training"]


def test_the_order_of_the_rows_does_not_change_the_split() -> None:
    subjects = [f"S{number:03d}" for number in range(10)]
    assert split_by_subject(subjects[::-1]).tolist() == split_by_subject(subjects).tolist()[::-1]


def checks(data: Dataset) -> dict[str, str]:
    """Return what is told of a dataset, by what it is told of."""
    return {what: told for what, _, told in (line.partition(": ") for line in check_dataset(data))}


COPIES = "rows that repeat an earlier image"
CONFLICTS = "images that stand in rows with different labels"
ONE_GRAY, NO_FACE = "rows of one gray", "rows that all ten FER+ taggers called no face"


def test_a_clean_set_has_nothing_but_its_counts(tmp_path: Path) -> None:
    told = checks(dataset(tmp_path, rows_per_label=4))
    classes = "angry {0}, disgust {0}, fear {0}, happy {0}, sad {0}, surprise {0}, neutral {0}"
    assert told == {
        "28 rows": "",
        "Training": f"21 rows: {classes.format(3)}",
        "PublicTest": f"7 rows: {classes.format(1)}",
        **dict.fromkeys((COPIES, ONE_GRAY, NO_FACE, CONFLICTS), "0"),
    }


def test_rows_that_repeat_an_earlier_image_are_found(tmp_path: Path) -> None:
    data = dataset(tmp_path)
    data.pixels[8] = data.pixels[15] = data.pixels[1]  # all three of disgust, all Training
    told = checks(data)
    assert (told[COPIES], told[CONFLICTS]) == ("2, such as 8, 15", "0")


def test_copies_with_different_labels_are_found_as_one_group(tmp_path: Path) -> None:
    data = dataset(tmp_path)
    data.pixels[9] = data.pixels[16] = data.pixels[1]
    assert checks(data)[CONFLICTS] == "1, such as 1, 9, 16"


def test_images_shared_between_splits_are_counted_on_each_side(tmp_path: Path) -> None:
    data = dataset(tmp_path)
    data.pixels[22] = data.pixels[8] = data.pixels[1]  # row 22 is PublicTest
    told = checks(data)
    assert told["rows of PublicTest that repeat an image of Training"] == "1, such as 22"
    assert told["rows of Training that repeat an image of PublicTest"] == "2, such as 1, 8"
    assert sum("that repeat an image of" in what for what in told) == 2


def test_constant_images_and_rows_of_no_face_are_found(tmp_path: Path) -> None:
    data = dataset(tmp_path)
    data.pixels[5] = 77
    data.votes[3, 9] = 10
    told = checks(data)
    assert (told[ONE_GRAY], told[NO_FACE]) == ("1, such as 5", "1, such as 3")
