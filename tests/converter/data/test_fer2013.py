from pathlib import Path

import pytest

from converter.data import load_fer2013
from edge.errors import DataError
from tests.converter.faces import dataset

FACE = " ".join(["7"] * 2304)


def test_rows_come_with_pixels_labels_votes_and_split(tmp_path: Path) -> None:
    data = dataset(tmp_path)
    assert data.pixels.shape == (84, 48, 48)
    assert data.labels[:7].tolist() == list(range(7))
    assert data.votes.shape == (84, 10)
    assert (len(data.split("Training")), len(data.split("PublicTest"))) == (63, 21)
    assert set(data.source.tolist()) == {"FER2013"}


def test_a_file_without_usage_holds_training_rows(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    path.write_text(f"emotion,pixels\n3,{FACE}\n0,{FACE}\n")
    assert load_fer2013(path).usage.tolist() == ["Training", "Training"]


def test_a_byte_order_mark_and_columns_led_by_spaces_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "icml_face_data.csv"
    path.write_text(f"emotion, Usage, pixels\r\n3,PublicTest,{FACE}\r\n", encoding="utf-8-sig")
    data = load_fer2013(path)
    assert (data.labels.tolist(), data.usage.tolist()) == ([3], ["PublicTest"])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("7,1 2 3,Training", "row 2: expected a label from 0 to 6, found '7'; name a CK.* file ck"),
        ("x,1 2 3,Training", "row 2: expected a label from 0 to 6, found 'x'"),
        ("9" * 5000 + ",1 2 3,Training", "row 2: expected a label from 0 to 6"),
        ("1,1 2 3,Training", "row 2: expected 2304 pixels, found 3"),
        ("1,1 2 three,Training", "row 2: expected grey values"),
        ("1," + " ".join(["256"] * 2304) + ",Training", "row 2: expected grey values from 0 to 255"),
        (f"1,{FACE},Test", "row 2: expected a usage of Training, PublicTest, PrivateTest, found 'T"),
        ("1,1 2", "row 2 is cut short"),
        ("", "expected rows below the header"),
    ],
)  # fmt: skip
def test_a_malformed_row_is_named(tmp_path: Path, row: str, message: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(f"emotion,pixels,Usage\n{row}\n")
    with pytest.raises(DataError, match=f"bad.csv: {message}"):
        load_fer2013(path)


def test_a_file_cut_off_in_its_last_row_is_refused_with_the_row(tmp_path: Path) -> None:
    path = tmp_path / "cut.csv"
    whole = f"emotion,pixels,Usage\n3,{FACE},Training\n3,{FACE},Training\n"
    path.write_text(whole[:-2000])
    with pytest.raises(DataError, match=r"cut.csv: row 3 is cut short; download or unpack"):
        load_fer2013(path)


@pytest.mark.parametrize("text", ["", "a,b,c\n1,2,3\n"])
def test_a_missing_column_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(DataError, match="expected the column 'emotion'"):
        load_fer2013(path)


def test_the_file_without_labels_is_known_for_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "test.csv"
    path.write_text(f"pixels\n{FACE}\n")
    with pytest.raises(DataError, match=r"Kaggle's test.csv has no labels: give fer2013.csv"):
        load_fer2013(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone.csv: cannot be read"):
        load_fer2013(tmp_path / "gone.csv")


@pytest.mark.parametrize("content", ["emotion,pixels,Usage\n1,ä,x", 'emotion,pixels,Usage\n"1'])
def test_what_is_no_csv_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(DataError, match=r"bad.csv: "):
        load_fer2013(path)
