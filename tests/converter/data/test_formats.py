from pathlib import Path

import pytest

from converter.data import DatasetFormat, detect_format, open_dataset
from edge.errors import DataError
from tests.converter.faces import write_csv, write_pictures

FACE = " ".join(["7"] * 2304)


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("happy/a.png", DatasetFormat.FOLDERS),
        ("train/happy/Training_1.jpg", DatasetFormat.FOLDERS),
        ("happy/S010_004_00000017.png", DatasetFormat.CKPLUS),
        ("KA.AN1.39.tiff", DatasetFormat.JAFFE),
        ("angry/KA.AN1.39.tiff", DatasetFormat.JAFFE),
    ],
)
def test_a_folder_is_known_by_the_names_in_it_and_read(
    tmp_path: Path, name: str, form: DatasetFormat
) -> None:
    root = write_pictures(tmp_path, name)
    assert detect_format(root) is form
    assert len(open_dataset(root)) == 1


def test_a_csv_is_fer2013s_unless_its_name_says_ck(tmp_path: Path) -> None:
    data, votes = write_csv(tmp_path)
    assert open_dataset(data, votes).has_votes
    table = tmp_path / "CKextended.csv"
    table.write_text(f"emotion,pixels,Usage\n7,{FACE},Training\n")
    assert open_dataset(table).source.tolist() == ["CK+"]


def test_a_folder_without_pictures_is_told_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected class folders such as happy/ with pictures"):
        open_dataset(tmp_path)


def test_the_folder_of_a_csv_is_told_which_file_to_give(tmp_path: Path) -> None:
    write_csv(tmp_path, rows_per_label=1)
    with pytest.raises(DataError, match=r"did you mean .*fer2013.csv\?"):
        open_dataset(tmp_path)


def test_votes_for_another_set_than_fer2013_are_refused(tmp_path: Path) -> None:
    _, votes = write_csv(tmp_path, rows_per_label=1)
    root = write_pictures(tmp_path / "mine", "happy/a.png")
    with pytest.raises(DataError, match=r"belongs beside fer2013.csv; .*mine is class folders"):
        open_dataset(root, votes)


@pytest.mark.parametrize("name", ["gone", "gone.csv"])
def test_a_missing_set_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=f"{name}: cannot be read"):
        open_dataset(tmp_path / name)
