from pathlib import Path

import pytest

from converter.data import EXPRESSIONS, load_ckextended, load_ckplus
from edge.errors import DataError
from tests.converter.faces import write_pictures

FACE = " ".join(["7"] * 2304)
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


def test_a_picture_called_otherwise_is_named(tmp_path: Path) -> None:
    root = write_pictures(tmp_path, "happy/S010_004_00000017.png", "happy/holiday.png")
    with pytest.raises(DataError, match=r"holiday.png: expected a name such as S010_004_00000017"):
        load_ckplus(root)


def test_the_csv_keeps_its_own_splits_and_knows_eight_classes(tmp_path: Path) -> None:
    path = tmp_path / "ckextended.csv"
    rows = [f"7,{FACE},Training", f"6,{FACE},PublicTest", f"0,{FACE},PrivateTest"]
    path.write_text("\n".join(["emotion,pixels,Usage", *rows]))
    data = load_ckextended(path)
    assert [EXPRESSIONS[label] for label in data.labels] == ["contempt", "neutral", "angry"]
    assert data.usage.tolist() == ["Training", "PublicTest", "PrivateTest"]


def test_a_label_of_the_csv_out_of_range_is_named_with_its_row(tmp_path: Path) -> None:
    path = tmp_path / "ckextended.csv"
    path.write_text(f"emotion,pixels,Usage\n8,{FACE},Training\n")
    with pytest.raises(DataError, match=r"ckextended.csv: row 2: expected a label from 0 to 7"):
        load_ckextended(path)


def test_a_csv_without_splits_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ckextended.csv"
    path.write_text(f"emotion,pixels\n8,{FACE}\n")
    with pytest.raises(DataError, match="expected the column 'Usage'"):
        load_ckextended(path)
