import argparse
from pathlib import Path

import cv2
import pytest

from converter.commands.options import add_data, load_data, weighted_path
from converter.data import Dataset
from edge.commands.demo import CLIP
from edge.errors import DataError
from tests.converter.faces import write_csv, write_images


def load(*arguments: str) -> Dataset:
    """Return what the options name."""
    parser = argparse.ArgumentParser()
    add_data(parser)
    return load_data(parser.parse_args(arguments))


def test_several_sets_come_as_one_each_with_its_weight_and_its_votes(tmp_path: Path) -> None:
    data, votes = write_csv(tmp_path, rows_per_label=1)
    mine = write_images(tmp_path / "mine", "happy/a.png", "sad/b.png")
    both = load("--data", str(data), "--data", f"{mine}@2.5", "--votes", str(votes))
    assert both.weights.tolist() == [1.0] * 7 + [2.5] * 2
    assert both.source.tolist() == ["FER2013"] * 7 + ["mine"] * 2
    assert both.votes.any(axis=1).tolist() == [True] * 7 + [False] * 2


def test_a_path_that_exists_is_taken_whole(tmp_path: Path) -> None:
    mine = write_images(tmp_path / "mine@2", "happy/a.png")
    assert load("--data", str(mine)).weights.tolist() == [1.0]
    assert load("--data", f"{mine}@3").weights.tolist() == [3.0]


def test_a_missing_path_with_an_at_in_it_is_named_whole(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"me@home: cannot be read"):
        load("--data", str(tmp_path / "me@home"))


@pytest.mark.parametrize("weight", ["0", "-1", "nan", "inf"])
def test_a_weight_that_is_not_above_zero_is_refused(weight: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="expected a weight above 0"):
        weighted_path(f"mine@{weight}")


def test_votes_without_a_csv_of_fer2013_are_refused(tmp_path: Path) -> None:
    _, votes = write_csv(tmp_path, rows_per_label=1)
    mine = write_images(tmp_path / "mine", "happy/a.png")
    with pytest.raises(DataError, match=r"fer2013new.csv: belongs beside fer2013.csv; give that"):
        load("--data", str(mine), "--votes", str(votes))


def test_crop_cuts_the_faces_out_of_whole_images_and_leaves_a_csv_as_it_is(tmp_path: Path) -> None:
    data, _ = write_csv(tmp_path, rows_per_label=1)
    clip = cv2.VideoCapture(str(CLIP))
    clip.set(cv2.CAP_PROP_POS_MSEC, 1000)
    (tmp_path / "mine" / "happy").mkdir(parents=True)
    assert cv2.imwrite(str(tmp_path / "mine" / "happy" / "a.png"), clip.read()[1])
    options = ["--data", str(data), "--data", str(tmp_path / "mine")]
    plain, cropped = load(*options), load(*options, "--crop")
    same = (plain.pixels == cropped.pixels).all(axis=(1, 2))
    assert same.tolist() == [True] * 7 + [False]


def test_crop_without_a_folder_of_images_is_refused(tmp_path: Path) -> None:
    data, _ = write_csv(tmp_path, rows_per_label=1)
    with pytest.raises(DataError, match="--crop: expected a folder of whole images as --data"):
        load("--data", str(data), "--crop")


def test_sets_that_are_training_alone_are_split_and_it_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = write_images(tmp_path, *(f"train/happy/{number}.png" for number in range(30)))
    data = load("--data", str(root))
    held_out = len(data.split("PublicTest"))
    assert 0 < held_out < 15
    assert f"{held_out} of 30 Training rows are held out as PublicTest" in caplog.text
