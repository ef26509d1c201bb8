from pathlib import Path

import pytest

from converter.detector.annotations import read_annotations
from edge.errors import DataError
from tests.converter.detector.image_files import draw, write

BLOCK = "0--Parade/a.jpg\n1\n10 20 30 40 0 0 0 0 0 0 \n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    pictures = ("0--Parade/a.jpg", "0--Parade/b.jpg")
    draw(tmp_path / "WIDER_train" / "images", *pictures)
    draw(tmp_path / "WIDER_val" / "images", *pictures)
    return tmp_path


def wider(root: Path, text: str, part: str = "train") -> Path:
    return write(root / "wider_face_split" / f"wider_face_{part}_bbx_gt.txt", text)


def test_boxes_become_corners_and_sizes_come_from_the_pictures(root: Path) -> None:
    (found,) = read_annotations(wider(root, BLOCK))
    assert found.path == root / "WIDER_train" / "images" / "0--Parade" / "a.jpg"
    assert (found.width, found.height) == (100, 80)
    assert found.boxes.tolist() == [[10, 20, 40, 60]]
    assert found.ignored.tolist() == [False]


@pytest.mark.parametrize("folder", [".", "wider_face_split"])
def test_a_folder_brings_both_parts_and_val_is_the_test(root: Path, folder: str) -> None:
    wider(root, BLOCK), wider(root, BLOCK, "val")
    found = read_annotations(root / folder)
    assert [one.split for one in found] == ["train", "test"]
    assert [one.source for one in found] == ["widerface_train", "widerface_val"]
    assert "WIDER_val" in found[1].path.parts


def test_a_picture_without_faces_has_a_line_of_zeros(root: Path) -> None:
    text = "0--Parade/b.jpg\n0\n0 0 0 0 0 0 0 0 0 0 \n" + BLOCK
    assert [len(one.boxes) for one in read_annotations(wider(root, text))] == [0, 1]


def test_invalid_boxes_are_ignored(root: Path) -> None:
    (found,) = read_annotations(wider(root, "0--Parade/a.jpg\n1\n10 20 30 40 0 0 0 1 0 0\n"))
    assert found.ignored.tolist() == [True]


def test_invalid_boxes_outside_of_the_picture_are_left_out(root: Path) -> None:
    (found,) = read_annotations(wider(root, "0--Parade/a.jpg\n1\n200 20 30 40 0 0 0 1 0 0\n"))
    assert not len(found.boxes)


@pytest.mark.parametrize("box", ["10 20 0 40", "10 20 30 0", "0 0 0 0"])
def test_boxes_of_no_width_or_height_are_left_out(root: Path, box: str) -> None:
    (found,) = read_annotations(wider(root, f"0--Parade/a.jpg\n1\n{box} 0 0 0 0 0 0\n"))
    assert not len(found.boxes)


def test_a_box_beyond_the_edge_is_clipped(root: Path) -> None:
    (found,) = read_annotations(wider(root, "0--Parade/a.jpg\n1\n90 -3 30 40 0 0 0 0 0 0\n"))
    assert found.boxes.tolist() == [[90, 0, 100, 37]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.jpg\n1\n1 2 3 4 0 0 0 0 0 0\n", "row 1: expected the image 'a.jpg' in .*images, found"),
        ("../a.jpg\n1\n1 2 3 4 0 0 0 0 0 0\n", "row 1: expected a path below .*images, found '../a.jpg'; mend"),
        ("0--Parade/a.jpg\n", "row 1: expected the count of its boxes in the next row, found ''"),
        ("0--Parade/a.jpg\none\n1 2 3 4\n", "row 1: expected the count of its boxes in the next row, found 'one'"),
        ("0--Parade/a.jpg\n-1\n1 2 3 4\n", "row 1: expected the count of its boxes in the next row, found '-1'"),
        ("0--Parade/a.jpg\n1\n1 2 3 4\n", "row 3: ignore: expected this key, found none"),
        ("0--Parade/a.jpg\n1\n1 2 3 x 0 0 0 0 0 0\n", "row 3: h: expected a number, found 'x'"),
        ("0--Parade/a.jpg\n1\n1 nan 3 4 0 0 0 0 0 0\n", "row 3: y: expected a number .*, found 'nan'"),
        ("0--Parade/a.jpg\n1\n1 2 -3 4 0 0 0 0 0 0\n", "row 3: expected a box in the image of 100x80, found -3x4"),
        ("0--Parade/a.jpg\n1\n1 80 3 4 0 0 0 0 0 0\n", "row 3: expected a box in the image of 100x80"),
        ("0--Parade/a.jpg\n1\n1 2 3 4 0 0 0 9 0 0\n", "row 3: ignore: expected one of 0, 1, found '9'"),
        (BLOCK.replace("\n1\n", "\n3\n"), "row 1: expected 3 boxes, found 1; down"),
        (BLOCK.replace("\n1\n", "\n2\n") + BLOCK.replace("a.j", "b.j"), "row 4: x: expected a number, found '0--Parade/b.jpg'"),
        (BLOCK + "5 6 7 8 0 0 0 0 0 0\n", "row 4: expected the name of an image, found '5 6.*is the count right"),
    ],
)  # fmt: skip
def test_a_malformed_line_is_named(root: Path, text: str, message: str) -> None:
    path = wider(root, text)
    with pytest.raises(DataError, match=f"{path.name}: {message}"):
        read_annotations(path)


def test_bytes_that_are_no_utf_8_are_refused_with_their_line(root: Path) -> None:
    path = wider(root, BLOCK)
    path.write_bytes(b"\xef\xbb\xbf" + BLOCK.encode() + b"0--Parade/\xe9.jpg\n1\n1 2 3 4\n")
    message = r"row 4: expected the image '0--Parade/\\\\xe9.jpg' in .*, found none"
    with pytest.raises(DataError, match=message):
        read_annotations(path)


def test_a_picture_that_is_none_is_named(root: Path) -> None:
    path = root / "WIDER_train" / "images" / "0--Parade" / "a.jpg"
    path.write_bytes(path.read_bytes()[:30])
    with pytest.raises(DataError, match=r"a.jpg: expected an image that Pillow can read"):
        read_annotations(wider(root, BLOCK))
