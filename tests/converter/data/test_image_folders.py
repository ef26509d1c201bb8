from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from converter.data import EXPRESSIONS, load_ckplus, load_folders, load_jaffe
from edge.errors import DataError
from tests.converter.faces import draw, write_pictures


def names(data_labels: list[int]) -> list[str]:
    return [EXPRESSIONS[label] for label in data_labels]


def test_class_folders_are_known_by_their_synonyms_in_any_case(tmp_path: Path) -> None:
    root = write_pictures(
        tmp_path, "Anger/1.png", "disgusted/1.png", "FEAR/1.png", "happiness/1.png", "sad/1.png",
        "surprised/1.png", "neutral/1.png", "contempt/1.png",
    )  # fmt: skip
    assert set(names(load_folders(root).labels.tolist())) == set(EXPRESSIONS)


def test_the_names_of_fer2013s_pictures_tell_the_split_before_their_folder(tmp_path: Path) -> None:
    root = write_pictures(
        tmp_path, "test/happy/PrivateTest_5.png", "test/happy/PublicTest_7.png",
        "train/happy/Training_9.png",
    )  # fmt: skip
    assert load_folders(root).usage.tolist() == ["PrivateTest", "PublicTest", "Training"]


@pytest.mark.parametrize(
    ("folder", "usage"),
    [
        ("Training", "Training"),
        ("train", "Training"),
        ("test", "PublicTest"),
        ("public", "PublicTest"),
        ("val", "PublicTest"),
        ("private", "PrivateTest"),
    ],
)
def test_folders_above_the_class_folders_tell_the_split(
    tmp_path: Path, folder: str, usage: str
) -> None:
    root = write_pictures(tmp_path, f"{folder}/sad/a.png")
    assert load_folders(root).usage.tolist() == [usage]


def test_beside_a_validation_folder_the_test_folder_is_kept_for_the_end(tmp_path: Path) -> None:
    root = write_pictures(tmp_path, "test/sad/a.png", "train/sad/b.png", "validation/sad/c.png")
    assert load_folders(root).usage.tolist() == ["PrivateTest", "Training", "PublicTest"]


def test_without_a_told_split_one_of_five_is_tested_and_stays_so_when_others_come(
    tmp_path: Path,
) -> None:
    root = write_pictures(tmp_path, *(f"happy/{number}.png" for number in range(200)))
    before = load_folders(root)
    assert Counter(before.usage.tolist())["PublicTest"] == pytest.approx(40, abs=15)
    write_pictures(root, "happy/zzz.png")
    assert load_folders(root).usage[:200].tolist() == before.usage.tolist()


def test_a_picture_of_48_pixels_is_read_to_the_pixel(tmp_path: Path) -> None:
    face = draw(3, np.random.default_rng(1))
    (tmp_path / "happy").mkdir()
    cv2.imwrite(str(tmp_path / "happy" / "a.png"), face)
    assert np.array_equal(load_folders(tmp_path).pixels[0], face)


@pytest.mark.parametrize("shape", [(20, 20, 3), (300, 200, 3), (96, 96), (64, 80, 4)])
def test_pictures_of_any_size_and_colour_become_grey_faces(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    (tmp_path / "happy").mkdir()
    cv2.imwrite(str(tmp_path / "happy" / "a.tiff"), np.full(shape, 90, dtype=np.uint8))
    data = load_folders(tmp_path)
    assert data.pixels.shape == (1, 48, 48)
    assert np.all(data.pixels == 90)


def test_hidden_files_and_folders_are_passed_over(tmp_path: Path) -> None:
    root = write_pictures(tmp_path, "happy/a.png", "happy/._a.png", ".thumbnails/happy/b.png")
    assert len(load_folders(root)) == 1


def test_the_set_is_called_as_its_folder(tmp_path: Path) -> None:
    root = write_pictures(tmp_path / "mine", "happy/a.png")
    assert load_folders(root).source.tolist() == ["mine"]


def test_an_unknown_class_folder_is_named(tmp_path: Path) -> None:
    root = write_pictures(tmp_path, "happy/a.png", "joyous/b.png")
    with pytest.raises(DataError, match=r"joyous: expected a class folder \(angry, .*rename it"):
        load_folders(root)


def test_an_empty_class_folder_is_named(tmp_path: Path) -> None:
    root = write_pictures(tmp_path, "train/happy/a.png")
    (root / "train" / "disgust").mkdir()
    with pytest.raises(
        DataError, match=r"train/disgust: expected pictures of this class, found none; fill"
    ):
        load_folders(root)


def test_a_picture_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    root = write_pictures(tmp_path, "happy/a.png")
    data = (root / "happy" / "a.png").read_bytes()
    (root / "happy" / "b.png").write_bytes(data[:20])
    with pytest.raises(DataError, match=r"happy/b.png: is not a picture .*; take it out"):
        load_folders(root)


def test_a_picture_outside_of_the_class_folders_is_named(tmp_path: Path) -> None:
    root = write_pictures(tmp_path, "happy/a.png", "b.png")
    with pytest.raises(DataError, match=r"b.png: lies outside of the class folders; move it"):
        load_folders(root)


CLASSES = ("anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")


def test_folders_give_class_and_subject_with_contempt_among_them(tmp_path: Path) -> None:
    names = [f"{name}/S01{n}_004_00000017.png" for n, name in enumerate(CLASSES)]
    data = load_ckplus(write_pictures(tmp_path, *names))
    assert {EXPRESSIONS[label] for label in data.labels} == {*EXPRESSIONS} - {"neutral"}
    assert data.subject[data.labels == EXPRESSIONS.index("contempt")].tolist() == ["S011"]


def test_a_subject_is_in_one_split_whatever_folder_its_pictures_lie_in(tmp_path: Path) -> None:
    names = [
        f"{split}/{name}/S{subject:03d}_{n:03d}_00000017.png"
        for subject in range(10)
        for n, name in enumerate(("happy", "anger"))
        for split in ("train", "test")
    ]
    data = load_ckplus(write_pictures(tmp_path, *names))
    splits = set(zip(data.subject.tolist(), data.usage.tolist(), strict=True))
    assert len(splits) == 10
    assert set(data.usage.tolist()) == {"Training", "PublicTest"}


def test_a_picture_of_ckplus_called_otherwise_is_named(tmp_path: Path) -> None:
    root = write_pictures(tmp_path, "happy/S010_004_00000017.png", "happy/holiday.png")
    with pytest.raises(DataError, match=r"holiday.png: expected a name such as S010_004_00000017"):
        load_ckplus(root)


SUBJECTS = ("KA", "KL", "KM", "KR", "MK", "NA", "NM", "TM", "UY", "YM")


def test_the_names_tell_class_and_subject(tmp_path: Path) -> None:
    codes = ("AN", "DI", "FE", "HA", "SA", "SU", "NE")
    root = write_pictures(tmp_path, *(f"KA.{code}1.{n}.tiff" for n, code in enumerate(codes)))
    data = load_jaffe(root)
    assert {EXPRESSIONS[label] for label in data.labels} == set(EXPRESSIONS[:7])
    assert set(data.subject.tolist()) == {"KA"}


def test_pictures_of_256_pixels_become_faces(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "KA.HA1.29.tiff"), np.full((256, 256), 90, dtype=np.uint8))
    data = load_jaffe(tmp_path)
    assert data.pixels.shape == (1, 48, 48)


def test_two_of_the_ten_subjects_are_tested_with_all_their_pictures(tmp_path: Path) -> None:
    names = [f"{who}.{what}.{n}.tiff" for who in SUBJECTS for n, what in enumerate(("HA1", "SA2"))]
    data = load_jaffe(write_pictures(tmp_path, *names))
    assert len(set(data.split("PublicTest").subject.tolist())) == 2
    assert len(data.split("PublicTest")) == 4


def test_a_picture_of_jaffe_called_otherwise_is_named(tmp_path: Path) -> None:
    root = write_pictures(tmp_path, "KA.HA1.29.tiff", "KA.XX1.30.tiff")
    with pytest.raises(DataError, match=r"KA.XX1.30.tiff: expected a name such as KA.AN1.39"):
        load_jaffe(root)
