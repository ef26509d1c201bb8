from pathlib import Path

import pytest

from converter.detector.annotations import read_annotations
from edge.errors import DataError
from tests.converter.detector.image_files import draw, write

ROWS = (
    "file,width,height,x,y,w,h,ignore,source,split\nimages/a.png,100,80,10,20,30,40,0,mine,train\n"
)
WIDER = "a.png\n1\n10 20 30 40 0 0 0 0 0 0\n"


@pytest.mark.parametrize(
    ("file", "text", "named"),
    [
        ("annotations.csv", ROWS, "."),
        ("annotations.csv", ROWS, "annotations.csv"),
        ("wider_face_split/wider_face_val_bbx_gt.txt", WIDER, "."),
        ("wider_face_split/wider_face_val_bbx_gt.txt", WIDER, "wider_face_split"),
        ("wider_face_split/wider_face_val_bbx_gt.txt", WIDER,
         "wider_face_split/wider_face_val_bbx_gt.txt"),
    ],
)  # fmt: skip
def test_a_set_is_known_by_what_is_there_and_read(
    tmp_path: Path, file: str, text: str, named: str
) -> None:
    draw(tmp_path, "images/a.png", "WIDER_val/images/a.png")
    write(tmp_path / file, text)
    (found,) = read_annotations(tmp_path / named)
    assert found.boxes.tolist() == [[10, 20, 40, 60]]
    assert found.read().shape == (80, 100, 3)


def test_the_folder_a_command_stands_in_may_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(tmp_path, "images/a.png")
    write(tmp_path / "annotations.csv", ROWS)
    monkeypatch.chdir(tmp_path)
    assert len(read_annotations(Path())) == 1


def test_a_folder_of_nothing_known_is_told_what_was_looked_for(tmp_path: Path) -> None:
    draw(tmp_path, "happy/a.png")
    with pytest.raises(DataError, match=r"expected annotations.csv or .*WIDER.*, found neither"):
        read_annotations(tmp_path)


@pytest.mark.parametrize("name", ["gone", "gone.csv"])
def test_a_missing_set_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=f"{name}: cannot be read"):
        read_annotations(tmp_path / name)
