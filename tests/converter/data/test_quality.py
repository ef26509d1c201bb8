from pathlib import Path

from converter.data import Usage
from converter.data.dataset import check_dataset
from tests.converter.faces import dataset


def test_a_clean_set_has_nothing_but_its_counts(tmp_path: Path) -> None:
    checks = check_dataset(dataset(tmp_path, rows_per_label=4))
    assert checks.rows == 28
    assert checks.counts[Usage.TRAINING]["disgust"] == 3
    assert checks.counts[Usage.PUBLIC_TEST]["disgust"] == 1
    assert not checks.conflicts
    assert not checks.shared
    assert not len(checks.duplicates) + len(checks.constant) + len(checks.not_a_face)


def test_rows_that_repeat_an_earlier_picture_are_found(tmp_path: Path) -> None:
    data = dataset(tmp_path)
    data.pixels[8] = data.pixels[15] = data.pixels[1]  # all three of disgust, all Training
    checks = check_dataset(data)
    assert checks.duplicates.tolist() == [8, 15]
    assert not checks.conflicts


def test_copies_with_different_labels_are_found_as_one_group(tmp_path: Path) -> None:
    data = dataset(tmp_path)
    data.pixels[9] = data.pixels[16] = data.pixels[1]
    assert [group.tolist() for group in check_dataset(data).conflicts] == [[1, 9, 16]]


def test_pictures_shared_between_splits_are_counted_on_each_side(tmp_path: Path) -> None:
    data = dataset(tmp_path)
    data.pixels[22] = data.pixels[8] = data.pixels[1]  # row 22 is PublicTest
    shared = check_dataset(data).shared
    assert shared[Usage.PUBLIC_TEST, Usage.TRAINING].tolist() == [22]
    assert shared[Usage.TRAINING, Usage.PUBLIC_TEST].tolist() == [1, 8]
    assert len(shared) == 2


def test_constant_pictures_and_rows_of_no_face_are_found(tmp_path: Path) -> None:
    data = dataset(tmp_path)
    data.pixels[5] = 77
    data.votes[3, 9] = 10
    checks = check_dataset(data)
    assert checks.constant.tolist() == [5]
    assert checks.not_a_face.tolist() == [3]
