from pathlib import Path

import pytest

from converter.detector.annotations import load_yolo
from converter.detector.photographs import Split
from edge.errors import DataError
from tests.converter.detector.annotations.drawn import draw, write


def yolo(root: Path, text: str = "0 0.25 0.5 0.3 0.5\n") -> Path:
    draw(root, "images/a.png")
    write(root / "labels" / "a.txt", text)
    return root


def test_shares_of_the_picture_become_pixels(tmp_path: Path) -> None:
    (found,) = load_yolo(yolo(tmp_path / "mine"))
    assert found.path == tmp_path / "mine" / "images" / "a.png"
    assert (found.width, found.height) == (100, 80)
    assert found.boxes.tolist() == [[10, 20, 40, 60]]
    assert (found.ignored.tolist(), found.source) == ([False], "mine")


@pytest.mark.parametrize("empty", [True, False])
def test_a_picture_with_an_empty_or_no_label_file_has_no_face(tmp_path: Path, empty: bool) -> None:
    root = draw(yolo(tmp_path), "images/b.png")
    if empty:
        write(root / "labels" / "b.txt", "\n")
    assert [len(one.boxes) for one in load_yolo(root)] == [1, 0]


@pytest.mark.parametrize(
    ("folder", "split"),
    [("train", Split.TRAIN), ("val", Split.TEST), ("valid", Split.TEST), ("Test", Split.TEST)],
)
@pytest.mark.parametrize("below", [True, False])
def test_folders_below_or_above_images_tell_the_split(
    tmp_path: Path, folder: str, split: Split, below: bool
) -> None:
    images, labels = (
        f"{name}/{folder}" if below else f"{folder}/{name}" for name in ("images", "labels")
    )
    draw(tmp_path, f"{images}/a.png")
    write(tmp_path / labels / "a.txt", "0 0.5 0.5 0.5 0.5")
    (found,) = load_yolo(tmp_path)
    assert found.split is split
    assert len(found.boxes) == 1


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("data.yaml", "train: ../train/images\nnc: 2\nnames: [person, face]\n"),
        ("data.yaml", "names:\n  0: person\n  1: Face\n"),
        ("classes.txt", "person\nface\n"),
        ("labels/classes.txt", "person\nface\n"),
    ],
)
def test_names_tell_which_class_is_the_face(tmp_path: Path, file: str, text: str) -> None:
    root = yolo(tmp_path, "0 0.5 0.5 0.9 0.9\n1 0.25 0.5 0.3 0.5\n")
    write(root / file, text)
    (found,) = load_yolo(root)
    assert found.boxes.tolist() == [[10, 20, 40, 60]]


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("data.yaml", "names: [person, car]\n", "data.yaml: expected a class of .*found only car, person"),
        ("classes.txt", "person\n", "classes.txt: expected a class of faces .*found only person; rename"),
        ("data.yaml", "nc: 1\nnames: [face\n", "data.yaml: .*line 3"),
        ("data.yaml", "nc: 1\n", "data.yaml: .*missing required field `names`"),
        ("data.yaml", "names: [yes]\n", "data.yaml: Expected `str`, got `bool`"),
    ],
)  # fmt: skip
def test_names_that_are_none_or_none_of_a_face_are_named(
    tmp_path: Path, file: str, text: str, message: str
) -> None:
    root = yolo(tmp_path)
    write(root / file, text)
    with pytest.raises(DataError, match=message):
        load_yolo(root)


def test_a_box_beyond_the_edge_is_clipped(tmp_path: Path) -> None:
    (found,) = load_yolo(yolo(tmp_path, "0 0 0.5 0.5 1.005\n"))
    assert found.boxes.tolist() == [[0, 0, 25, 80]]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "0 0.5 0.5 0.5",
            r"expected 5 fields \(class cx cy w h\), found 4 in '0 0.5 0.5 0.5'; mend",
        ),
        ("0 0.1 0.1 0.2 0.1 0.2 0.2", "expected 5 fields .*, found 7"),
        ("x 0.5 0.5 0.5 0.5", "expected a whole number from 0 as class, found 'x'"),
        (
            "1 0.5 0.5 0.5 0.5",
            "expected a class of 0 face, found 1; name it in data.yaml or classes.txt",
        ),
        ("0 0.5 0.5 x 0.5", "expected a number as w, found 'x'"),
        ("0 nan 0.5 0.5 0.5", "expected a number as cx, found 'nan'"),
        (
            "0 50 40 20 20",
            "expected a share of the picture from 0 to 1 as cx, found '50'; pixels are",
        ),
        ("0 0.5 0.5 -0.5 0.5", "expected a share of the picture from 0 to 1 as w, found '-0.5'"),
        ("0 0.5 0.5 0 0.5", "expected a box of a size above 0, found 0x40"),
        ("0 1.005 0.5 0.001 0.5", "expected a box in the picture of 100x80"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    root = yolo(tmp_path, f"0 0.25 0.5 0.3 0.5\n{line}\n")
    with pytest.raises(DataError, match=f"a.txt: line 2: {message}"):
        load_yolo(root)


def test_bytes_that_are_no_utf_8_are_refused_with_their_line(tmp_path: Path) -> None:
    root = yolo(tmp_path)
    (root / "labels" / "a.txt").write_bytes(b"0 0.5 0.5 0.5 0.5\n\xff\n")
    with pytest.raises(DataError, match=r"a.txt: line 2: expected text in UTF-8, .* 0xff"):
        load_yolo(root)


def test_labels_whose_picture_is_missing_are_named(tmp_path: Path) -> None:
    root = yolo(tmp_path)
    write(root / "labels" / "b.txt", "0 0.5 0.5 0.5 0.5\n")
    with pytest.raises(
        DataError, match=r"b.txt: expected a picture called b in images, found none"
    ):
        load_yolo(root)


def test_a_missing_folder_of_labels_is_named(tmp_path: Path) -> None:
    root = draw(yolo(tmp_path), "images/val/b.png")
    with pytest.raises(DataError, match=r"labels/val: expected the labels of .*images/val, found"):
        load_yolo(root)


def test_pictures_elsewhere_are_passed_over(tmp_path: Path) -> None:
    root = draw(yolo(tmp_path), "c.png", "drafts/images/b.png")
    assert len(load_yolo(root)) == 1


def test_a_set_without_pictures_is_named(tmp_path: Path) -> None:
    root = yolo(tmp_path)
    (root / "images" / "a.png").unlink()
    with pytest.raises(DataError, match="expected pictures in images, found none"):
        load_yolo(root)
