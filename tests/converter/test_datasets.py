from pathlib import Path

import numpy as np
import pytest

from converter.datasets import LABELS, Dataset, load_fer2013
from edge.errors import DataError
from tests.converter.faces import dataset, write_csv


def test_rows_come_with_pixels_labels_votes_and_split(tmp_path: Path) -> None:
    data = dataset(tmp_path)
    assert data.pixels.shape == (84, 48, 48)
    assert data.labels[:7].tolist() == list(range(7))
    assert data.votes is not None
    assert data.votes.shape == (84, 10)
    assert (len(data.split("Training")), len(data.split("PublicTest"))) == (63, 21)


def test_the_votes_of_each_label_are_put_in_the_order_of_the_labels(tmp_path: Path) -> None:
    data = dataset(tmp_path)
    assert (data.targets(vote_weight=1.0).argmax(axis=1) == data.labels).all()


def test_targets_mix_label_and_votes_and_sum_to_one() -> None:
    votes = np.zeros((2, 10), dtype=np.float32)
    votes[0, 0], votes[0, 1], votes[0, 8] = 6, 2, 2  # neutral, happiness, unknown
    data = Dataset(
        np.zeros((2, 48, 48), np.uint8), np.array([3, 5]), votes, np.array(["Training"] * 2)
    )
    targets = data.targets(vote_weight=0.4)
    assert targets.sum(axis=1) == pytest.approx([1, 1])
    assert targets[0, LABELS.index("happy")] == pytest.approx(0.6 + 0.4 * 0.25)
    assert targets[0, LABELS.index("neutral")] == pytest.approx(0.4 * 0.75)
    assert targets[1].tolist() == np.eye(7, dtype=np.float32)[5].tolist()


def test_constant_pictures_and_pictures_of_no_face_are_dropped(tmp_path: Path) -> None:
    data = dataset(tmp_path)
    assert data.votes is not None
    data.votes[3, 9] = 10
    data.pixels[5] = 77
    assert len(data.faces()) == len(data) - 2


def test_copies_are_found_within_a_set_and_between_two(tmp_path: Path) -> None:
    data = dataset(tmp_path)
    data.pixels[10] = data.pixels[2]
    assert len(data.distinct()) == len(data) - 1
    rows = np.arange(len(data))
    assert data.where(rows >= 10).copies_of(data.where(rows < 10)).tolist()[:2] == [True, False]


def test_an_unknown_split_is_told_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'PrivateTest'; the data has PublicTest, Training"):
        dataset(tmp_path).split("PrivateTest")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("7,1 2 3,Training", "row 2: expected a label from 0 to 6, found '7'"),
        ("x,1 2 3,Training", "row 2: expected a label from 0 to 6, found 'x'"),
        ("1,1 2 3,Training", "row 2: expected 2304 pixels, found 3"),
        ("1,1 2 three,Training", "row 2: expected grey values"),
        ("1," + " ".join(["256"] * 2304) + ",Training", "row 2: expected grey values from 0 to 255"),
        ("1,1 2", "row 2 is cut short"),
        ("", "expected rows below the header"),
    ],
)  # fmt: skip
def test_a_malformed_row_is_named(tmp_path: Path, row: str, message: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(f"emotion,pixels,Usage\n{row}\n")
    with pytest.raises(DataError, match=f"bad.csv: {message}"):
        load_fer2013(path)


@pytest.mark.parametrize("text", ["", "a,b,c\n1,2,3\n"])
def test_a_missing_column_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(DataError, match="expected the column 'emotion'"):
        load_fer2013(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone.csv: cannot be read"):
        load_fer2013(tmp_path / "gone.csv")


def test_a_byte_order_mark_and_columns_led_by_spaces_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "icml.csv"
    row = " ".join(["7"] * 2304)
    path.write_text(f"emotion, Usage, pixels\r\n3,Training,{row}\r\n", encoding="utf-8-sig")
    assert load_fer2013(path).labels.tolist() == [3]


@pytest.mark.parametrize("content", ["emotion,pixels,Usage\n1,ä,x", 'emotion,pixels,Usage\n"1'])
def test_what_is_no_csv_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(DataError, match=r"bad.csv: "):
        load_fer2013(path)


def test_votes_in_another_order_than_the_faces_are_refused(tmp_path: Path) -> None:
    data, votes = write_csv(tmp_path)
    head, *rows = votes.read_text().splitlines()
    votes.write_text("\n".join([head, *reversed(rows)]))
    with pytest.raises(DataError, match="row 2: expected a Training row like the face's, found"):
        load_fer2013(data, votes)


def test_votes_that_are_no_counts_are_refused(tmp_path: Path) -> None:
    data, votes = write_csv(tmp_path)
    votes.write_text(votes.read_text().replace(",8,", ",nan,", 1))
    with pytest.raises(DataError, match="row 2: expected vote counts, found"):
        load_fer2013(data, votes)


def test_targets_of_votes_without_votes_are_refused(tmp_path: Path) -> None:
    data, _ = write_csv(tmp_path)
    with pytest.raises(DataError, match="give --votes"):
        load_fer2013(data).targets(vote_weight=0.3)


def test_votes_for_too_few_rows_are_refused(tmp_path: Path) -> None:
    data, votes = write_csv(tmp_path)
    votes.write_text("\n".join(votes.read_text().splitlines()[:10]))
    with pytest.raises(DataError, match="expected 84 rows, one for each face, found 9"):
        load_fer2013(data, votes)
