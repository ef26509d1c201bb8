from pathlib import Path

import pytest

from converter.data import EXPRESSIONS, open_dataset
from edge.errors import DataError
from tests.converter.faces import dataset, write_csv

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
    assert open_dataset(path).usage.tolist() == ["Training", "Training"]


def test_a_byte_order_mark_and_columns_led_by_spaces_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "icml_face_data.csv"
    path.write_text(f"emotion, Usage, pixels\r\n3,PublicTest,{FACE}\r\n", encoding="utf-8-sig")
    data = open_dataset(path)
    assert (data.labels.tolist(), data.usage.tolist()) == ([3], ["PublicTest"])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("7,1 2 3,Training", "row 2: expected a label from 0 to 6, found '7'; name a CK.* file ck"),
        ("x,1 2 3,Training", "row 2: expected a label from 0 to 6, found 'x'"),
        ("9" * 5000 + ",1 2 3,Training", "row 2: expected a label from 0 to 6"),
        ("1,1 2 3,Training", "row 2: expected 2304 pixels, found 3"),
        ("1,1 2 three,Training", "row 2: expected gray values"),
        ("1," + " ".join(["256"] * 2304) + ",Training", "row 2: expected gray values from 0 to 255"),
        (f"1,{FACE},Test", "row 2: expected a usage of Training, PublicTest, PrivateTest, found 'T"),
        ("1,1 2", "row 2 is cut short"),
        ("", "expected rows below the header"),
    ],
)  # fmt: skip
def test_a_malformed_row_is_named(tmp_path: Path, row: str, message: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(f"emotion,pixels,Usage\n{row}\n")
    with pytest.raises(DataError, match=f"bad.csv: {message}"):
        open_dataset(path)


def test_a_file_cut_off_in_its_last_row_is_refused_with_the_row(tmp_path: Path) -> None:
    path = tmp_path / "cut.csv"
    whole = f"emotion,pixels,Usage\n3,{FACE},Training\n3,{FACE},Training\n"
    path.write_text(whole[:-2000])
    with pytest.raises(DataError, match=r"cut.csv: row 3 is cut short; download or unpack"):
        open_dataset(path)


@pytest.mark.parametrize("text", ["", "a,b,c\n1,2,3\n"])
def test_a_missing_column_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(DataError, match="expected the column 'emotion'"):
        open_dataset(path)


def test_the_file_without_labels_is_known_for_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "test.csv"
    path.write_text(f"pixels\n{FACE}\n")
    with pytest.raises(DataError, match=r"Kaggle's test.csv has no labels: give fer2013.csv"):
        open_dataset(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone.csv: cannot be read"):
        open_dataset(tmp_path / "gone.csv")


@pytest.mark.parametrize("content", ["emotion,pixels,Usage\n1,ä,x", 'emotion,pixels,Usage\n"1'])
def test_what_is_no_csv_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(DataError, match=r"bad.csv: "):
        open_dataset(path)


def change_line(path: Path, number: int, text: str) -> None:
    """Put `text` in the place of a line, counted from 1."""
    lines = path.read_text().splitlines()
    lines[number - 1] = text
    path.write_text("\n".join(lines))


def test_a_row_without_an_image_name_is_dropped_from_the_faces(tmp_path: Path) -> None:
    data, votes = write_csv(tmp_path)
    change_line(votes, 5, "Training,,1,0,0,0,0,0,0,0,2,3")
    read = open_dataset(data, votes)
    assert read.votes[3].tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 2, 10]
    assert len(read.without_non_faces()) == len(read) - 1


def test_a_row_that_all_ten_called_no_face_is_dropped_from_the_faces(tmp_path: Path) -> None:
    data, votes = write_csv(tmp_path)
    change_line(votes, 5, "Training,fer0000003.png,0,0,0,0,0,0,0,0,0,10")
    read = open_dataset(data, votes)
    assert len(read.without_non_faces()) == len(read) - 1


def test_votes_of_other_splits_than_the_faces_are_refused(tmp_path: Path) -> None:
    data, votes = write_csv(tmp_path)
    head, *rows = votes.read_text().splitlines()
    votes.write_text("\n".join([head, *reversed(rows)]))
    with pytest.raises(DataError, match="row 2: expected a Training row like the face's, found"):
        open_dataset(data, votes)


def test_votes_whose_image_names_do_not_rise_are_refused(tmp_path: Path) -> None:
    data, votes = write_csv(tmp_path)
    lines = votes.read_text().splitlines()
    lines[3], lines[4] = lines[4], lines[3]
    votes.write_text("\n".join(lines))
    with pytest.raises(DataError, match=r"row 5: expected an image name behind fer0000003.png"):
        open_dataset(data, votes)


@pytest.mark.parametrize("count", ["nan", "-1", "9" * 5000])
def test_votes_that_are_no_counts_are_refused(tmp_path: Path, count: str) -> None:
    data, votes = write_csv(tmp_path)
    votes.write_text(votes.read_text().replace(",8,", f",{count},", 1))
    with pytest.raises(DataError, match="row 2: expected vote counts, found"):
        open_dataset(data, votes)


def test_votes_for_too_few_rows_are_refused(tmp_path: Path) -> None:
    data, votes = write_csv(tmp_path)
    votes.write_text("\n".join(votes.read_text().splitlines()[:10]))
    with pytest.raises(DataError, match="expected 84 rows, one for each face, found 9"):
        open_dataset(data, votes)


def test_votes_given_for_faces_are_told_where_they_belong(tmp_path: Path) -> None:
    _, votes = write_csv(tmp_path)
    with pytest.raises(DataError, match=r"these are FER.*'s votes: give them as --votes"):
        open_dataset(votes)


def test_the_csv_keeps_its_own_splits_and_knows_eight_classes(tmp_path: Path) -> None:
    path = tmp_path / "ckextended.csv"
    rows = [f"7,{FACE},Training", f"6,{FACE},PublicTest", f"0,{FACE},PrivateTest"]
    path.write_text("\n".join(["emotion,pixels,Usage", *rows]))
    data = open_dataset(path)
    assert [EXPRESSIONS[label] for label in data.labels] == ["contempt", "neutral", "angry"]
    assert data.usage.tolist() == ["Training", "PublicTest", "PrivateTest"]


def test_a_label_of_the_csv_out_of_range_is_named_with_its_row(tmp_path: Path) -> None:
    path = tmp_path / "ckextended.csv"
    path.write_text(f"emotion,pixels,Usage\n8,{FACE},Training\n")
    with pytest.raises(DataError, match=r"ckextended.csv: row 2: expected a label from 0 to 7"):
        open_dataset(path)


def test_a_csv_of_ckplus_without_splits_holds_training_rows(tmp_path: Path) -> None:
    path = tmp_path / "ckextended.csv"
    path.write_text(f"emotion,pixels\n7,{FACE}\n")
    assert open_dataset(path).usage.tolist() == ["Training"]
