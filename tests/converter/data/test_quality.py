from pathlib import Path

from converter.data import Usage
from converter.data.quality import assess
from tests.converter.faces import dataset


def test_a_clean_set_has_nothing_but_its_counts(tmp_path: Path) -> None:
    quality = assess(dataset(tmp_path, rows_per_label=4))
    assert quality.rows == 28
    assert quality.counts[Usage.TRAINING]["disgust"] == 3
    assert quality.counts[Usage.PUBLIC_TEST]["disgust"] == 1
    assert not quality.contradictions
    assert not quality.shared
    assert not len(quality.repeats) + len(quality.constant) + len(quality.not_a_face)


def test_rows_that_repeat_an_earlier_picture_are_found(tmp_path: Path) -> None:
    data = dataset(tmp_path)
    data.pixels[8] = data.pixels[15] = data.pixels[1]  # all three of disgust, all Training
    quality = assess(data)
    assert quality.repeats.tolist() == [8, 15]
    assert not quality.contradictions


def test_copies_with_different_labels_are_found_as_one_group(tmp_path: Path) -> None:
    data = dataset(tmp_path)
    data.pixels[9] = data.pixels[16] = data.pixels[1]
    assert [group.tolist() for group in assess(data).contradictions] == [[1, 9, 16]]


def test_pictures_shared_between_splits_are_counted_on_each_side(tmp_path: Path) -> None:
    data = dataset(tmp_path)
    data.pixels[22] = data.pixels[8] = data.pixels[1]  # row 22 is PublicTest
    shared = assess(data).shared
    assert shared[Usage.PUBLIC_TEST, Usage.TRAINING].tolist() == [22]
    assert shared[Usage.TRAINING, Usage.PUBLIC_TEST].tolist() == [1, 8]
    assert len(shared) == 2


def test_constant_pictures_and_rows_of_no_face_are_found(tmp_path: Path) -> None:
    data = dataset(tmp_path)
    data.pixels[5] = 77
    data.votes[3, 9] = 10
    quality = assess(data)
    assert quality.constant.tolist() == [5]
    assert quality.not_a_face.tolist() == [3]
