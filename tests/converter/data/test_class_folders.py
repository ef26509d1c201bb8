from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from converter.data import EXPRESSIONS, open_dataset
from edge.errors import DataError
from tests.converter.faces import draw, write_csv, write_images


def names(data_labels: list[int]) -> list[str]:
    return [EXPRESSIONS[label] for label in data_labels]


def test_class_folders_are_known_by_their_synonyms_in_any_case(tmp_path: Path) -> None:
    root = write_images(
        tmp_path, "Anger/1.png", "disgusted/1.png", "FEAR/1.png", "Joy/1.png", "sad/1.png",
        "surprised/1.png", "neutral/1.png", "contempt/1.png",
    )  # fmt: skip
    assert set(names(open_dataset(root).labels.tolist())) == set(EXPRESSIONS)


def test_the_names_of_fer2013s_images_tell_the_split_before_their_folder(tmp_path: Path) -> None:
    root = write_images(
        tmp_path, "test/happy/PrivateTest_5.png", "test/happy/PublicTest_7.png",
        "train/happy/Training_9.png",
    )  # fmt: skip
    assert open_dataset(root).usage.tolist() == ["PrivateTest", "PublicTest", "Training"]


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
    root = write_images(tmp_path, f"{folder}/sad/a.png")
    assert open_dataset(root).usage.tolist() == [usage]


def test_beside_a_validation_folder_the_test_folder_is_kept_for_the_end(tmp_path: Path) -> None:
    root = write_images(tmp_path, "test/sad/a.png", "train/sad/b.png", "validation/sad/c.png")
    assert open_dataset(root).usage.tolist() == ["PrivateTest", "Training", "PublicTest"]


def test_without_a_told_split_one_of_five_is_tested_and_stays_so_when_others_come(
    tmp_path: Path,
) -> None:
    root = write_images(tmp_path, *(f"happy/{number}.png" for number in range(200)))
    before = open_dataset(root)
    assert Counter(before.usage.tolist())["PublicTest"] == pytest.approx(40, abs=15)
    write_images(root, "happy/zzz.png")
    assert open_dataset(root).usage[:200].tolist() == before.usage.tolist()


def test_an_image_of_48_pixels_is_read_to_the_pixel(tmp_path: Path) -> None:
    face = draw(3, np.random.default_rng(1))
    (tmp_path / "happy").mkdir()
    cv2.imwrite(str(tmp_path / "happy" / "a.png"), face)
    assert np.array_equal(open_dataset(tmp_path).pixels[0], face)


@pytest.mark.parametrize("shape", [(20, 20, 3), (300, 200, 3), (96, 96), (64, 80, 4)])
def test_images_of_any_size_and_color_become_gray_faces(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    (tmp_path / "happy").mkdir()
    cv2.imwrite(str(tmp_path / "happy" / "a.tiff"), np.full(shape, 90, dtype=np.uint8))
    data = open_dataset(tmp_path)
    assert data.pixels.shape == (1, 48, 48)
    assert np.all(data.pixels == 90)


def test_hidden_files_and_folders_are_passed_over(tmp_path: Path) -> None:
    root = write_images(tmp_path, "happy/a.png", "happy/._a.png", ".thumbnails/happy/b.png")
    assert len(open_dataset(root)) == 1


def test_the_set_is_called_as_its_folder(tmp_path: Path) -> None:
    root = write_images(tmp_path / "mine", "happy/a.png")
    assert open_dataset(root).source.tolist() == ["mine"]


def test_an_unknown_class_folder_is_named(tmp_path: Path) -> None:
    root = write_images(tmp_path, "happy/a.png", "joyous/b.png")
    with pytest.raises(DataError, match=r"joyous/b.png: lies outside .* \(angry, .*rename its"):
        open_dataset(root)


def test_an_empty_class_folder_is_named(tmp_path: Path) -> None:
    root = write_images(tmp_path, "train/happy/a.png")
    (root / "train" / "disgust").mkdir()
    with pytest.raises(
        DataError, match=r"train/disgust: expected images of a class, found none; fill"
    ):
        open_dataset(root)


def test_an_image_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    root = write_images(tmp_path, "happy/a.png")
    data = (root / "happy" / "a.png").read_bytes()
    (root / "happy" / "b.png").write_bytes(data[:20])
    with pytest.raises(DataError, match=r"happy/b.png: cannot be decoded: .*; take it out"):
        open_dataset(root)


def test_an_image_outside_of_the_class_folders_is_named(tmp_path: Path) -> None:
    root = write_images(tmp_path, "happy/a.png", "b.png")
    with pytest.raises(DataError, match=r"b.png: lies outside of the class folders .*; move it"):
        open_dataset(root)


@pytest.mark.parametrize(
    ("folder", "count", "first", "order"),
    [
        ("mine", 7, 1, "surprise fear disgust happy sad angry neutral"),
        ("mine", 8, 0, "neutral happy sad surprise fear disgust angry contempt"),
        ("mine", 7, 0, "angry disgust fear happy sad surprise neutral"),
        ("AffectNet-7", 7, 0, "neutral happy sad surprise fear disgust angry"),
        ("raf_db", 2, 1, "surprise fear"),
    ],
)
def test_numbered_folders_are_read_in_the_order_of_the_set_that_has_them(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    folder: str,
    count: int,
    first: int,
    order: str,
) -> None:
    numbers = range(first, first + count)
    root = write_images(tmp_path / folder, *(f"train/{number}/a.png" for number in numbers))
    assert " ".join(names(open_dataset(root).labels.tolist())) == order
    told = (f"{number} {name}" for number, name in zip(numbers, order.split(), strict=True))
    assert ", ".join(told) in caplog.text


def test_numbers_that_may_be_of_several_sets_are_refused(tmp_path: Path) -> None:
    root = write_images(tmp_path / "mine", "1/a.png", "3/a.png")
    with pytest.raises(
        DataError, match=r"expected class folders .* 1 to 7 .*found 1, 3; rename them"
    ):
        open_dataset(root)


def test_a_folder_that_an_archive_was_unpacked_into_is_passed_through(tmp_path: Path) -> None:
    root = write_images(tmp_path / "rafdb", "DATASET/train/1/a.png", "DATASET/test/7/b.png")
    (root / "train_labels.csv").write_text("image,label\n")
    data = open_dataset(root)
    assert names(data.labels.tolist()) == ["neutral", "surprise"]
    assert data.usage.tolist() == ["PublicTest", "Training"]
    assert set(data.source.tolist()) == {"rafdb"}


def test_a_folder_without_images_is_told_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected class folders such as happy/ with images"):
        open_dataset(tmp_path)


def test_the_folder_of_a_csv_is_told_which_file_to_give(tmp_path: Path) -> None:
    write_csv(tmp_path, rows_per_label=1)
    with pytest.raises(DataError, match=r"did you mean .*fer2013.csv\?"):
        open_dataset(tmp_path)


def test_votes_for_another_set_than_fer2013_are_refused(tmp_path: Path) -> None:
    _, votes = write_csv(tmp_path, rows_per_label=1)
    root = write_images(tmp_path / "mine", "happy/a.png")
    with pytest.raises(DataError, match=r"expected beside a csv of FER2013, found beside .*mine"):
        open_dataset(root, votes)


@pytest.mark.parametrize("name", ["gone", "gone.csv"])
def test_a_missing_set_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=f"{name}: cannot be read"):
        open_dataset(tmp_path / name)
