from pathlib import Path

import pytest

from converter.data import load_fer2013
from edge.errors import DataError
from tests.converter.faces import write_csv


def change_line(path: Path, number: int, text: str) -> None:
    """Put `text` in the place of a line, counted from 1."""
    lines = path.read_text().splitlines()
    lines[number - 1] = text
    path.write_text("\n".join(lines))


def test_a_row_without_an_image_name_is_dropped_from_the_faces(tmp_path: Path) -> None:
    data, votes = write_csv(tmp_path)
    change_line(votes, 5, "Training,,1,0,0,0,0,0,0,0,2,3")
    read = load_fer2013(data, votes)
    assert read.votes[3].tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 2, 10]
    assert len(read.without_non_faces()) == len(read) - 1


def test_a_row_that_all_ten_called_no_face_is_dropped_from_the_faces(tmp_path: Path) -> None:
    data, votes = write_csv(tmp_path)
    change_line(votes, 5, "Training,fer0000003.png,0,0,0,0,0,0,0,0,0,10")
    read = load_fer2013(data, votes)
    assert len(read.without_non_faces()) == len(read) - 1


def test_votes_of_other_splits_than_the_faces_are_refused(tmp_path: Path) -> None:
    data, votes = write_csv(tmp_path)
    head, *rows = votes.read_text().splitlines()
    votes.write_text("\n".join([head, *reversed(rows)]))
    with pytest.raises(DataError, match="row 2: expected a Training row like the face's, found"):
        load_fer2013(data, votes)


def test_votes_whose_image_names_do_not_rise_are_refused(tmp_path: Path) -> None:
    data, votes = write_csv(tmp_path)
    lines = votes.read_text().splitlines()
    lines[3], lines[4] = lines[4], lines[3]
    votes.write_text("\n".join(lines))
    with pytest.raises(DataError, match=r"row 5: expected an image name behind fer0000003.png"):
        load_fer2013(data, votes)


@pytest.mark.parametrize("count", ["nan", "-1", "9" * 5000])
def test_votes_that_are_no_counts_are_refused(tmp_path: Path, count: str) -> None:
    data, votes = write_csv(tmp_path)
    votes.write_text(votes.read_text().replace(",8,", f",{count},", 1))
    with pytest.raises(DataError, match="row 2: expected vote counts, found"):
        load_fer2013(data, votes)


def test_votes_for_too_few_rows_are_refused(tmp_path: Path) -> None:
    data, votes = write_csv(tmp_path)
    votes.write_text("\n".join(votes.read_text().splitlines()[:10]))
    with pytest.raises(DataError, match="expected 84 rows, one for each face, found 9"):
        load_fer2013(data, votes)


def test_votes_given_for_faces_are_told_where_they_belong(tmp_path: Path) -> None:
    _, votes = write_csv(tmp_path)
    with pytest.raises(DataError, match=r"these are FER.*'s votes: give them as --votes"):
        load_fer2013(votes)
