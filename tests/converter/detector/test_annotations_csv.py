import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from converter.detector.annotations import AnnotatedImage, of_split, read_annotations
from edge.errors import DataError
from tests.conftest import MEDIA
from tests.converter.detector.image_files import draw, write

FACES = MEDIA.parent / "faces"

HEADER = "file,width,height,x,y,w,h,ignore,source,split\n"
FACELESS = "file,width,height,source,split\n"
GOOD = "a.png,100,80,10,20,30,40,0,mine,train\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return draw(tmp_path, "a.png", "b.png")


def table(root: Path, rows: str) -> Path:
    write(root / "annotations.csv", HEADER + rows)
    return root


def only(photographs: tuple[AnnotatedImage, ...]) -> AnnotatedImage:
    assert len(photographs) == 1
    return photographs[0]


def test_the_rows_of_a_picture_become_one_photograph(root: Path) -> None:
    found = only(read_annotations(table(root, GOOD + "a.png,100,80,1.5,2,3,4,1,mine,train\n")))
    assert found.path == root / "a.png"
    assert (found.width, found.height) == (100, 80)
    assert found.boxes.dtype == np.float32
    assert found.boxes.tolist() == [[10, 20, 40, 60], [1.5, 2, 4.5, 6]]
    assert found.ignored.tolist() == [False, True]
    assert (found.source, found.split) == ("mine", "train")


def test_the_csv_may_be_named_instead_of_its_folder(root: Path) -> None:
    table(root, GOOD)
    assert only(read_annotations(root / "annotations.csv")).path == root / "a.png"


def test_rows_of_a_picture_need_not_stand_together(root: Path) -> None:
    other = GOOD.replace("a.png", "b.png").replace("train", "test")
    found = read_annotations(table(root, GOOD + other + GOOD))
    assert [len(one.boxes) for one in found] == [2, 1]
    assert [one.split for one in found] == ["train", "test"]


def test_negatives_are_photographs_without_boxes(root: Path) -> None:
    table(root, GOOD)
    write(root / "negatives.csv", FACELESS + "b.png,100,80,rooms,test\n")
    negative = read_annotations(root)[1]
    assert negative.boxes.shape == (0, 4)
    assert negative.ignored.shape == (0,)
    assert (negative.source, negative.split) == ("rooms", "test")


def test_a_box_beyond_the_edge_is_clipped(root: Path) -> None:
    found = only(read_annotations(table(root, "a.png,100,80,-5,70,30,40,0,mine,train\n")))
    assert found.boxes.tolist() == [[0, 70, 25, 80]]


def test_a_picture_with_boxes_is_no_negative(root: Path) -> None:
    table(root, GOOD)
    write(root / "negatives.csv", FACELESS + "a.png,100,80,mine,train\n")
    with pytest.raises(
        DataError,
        match=r"negatives.csv: row 2: .* without faces, found a box in annotations.csv",
    ):
        read_annotations(root)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a.png,100,80,1,2,3,x,0,mine,train", "row 2: h: expected a number, found 'x'; mend or"),
        ("a.png,100,80,nan,2,3,4,0,mine,train", "row 2: x: expected a number .*, found 'nan'"),
        ("a.png,100,80,1,2,inf,4,0,mine,train", "row 2: w: expected a number .*, found 'inf'"),
        ("a.png,100,80,1,,3,4,0,mine,train", "row 2: y: expected a number, found ''"),
        ("a.png,10.5,80,1,2,3,4,0,mine,train", "row 2: width: expected a whole number, found '10.5'"),
        ("a.png,100,0,1,2,3,4,0,mine,train", "row 2: height: expected a whole number >= 1, found '0'"),
        ("a.png,100,80,1,2,-3,4,0,mine,train", "row 2: expected a box in .* 100x80, found -3x4 at"),
        ("a.png,100,80,1,2,0,4,0,mine,train", "row 2: expected a box in .* 100x80, found 0x4 at"),
        (
            "a.png,100,80,100,2,3,4,0,mine,train",
            r"row 2: expected a box in the image of 100x80, found 3x4 at \(100, 2\); mend",
        ),
        ("a.png,100,80,1,2,3,4,yes,mine,train", "row 2: ignore: expected a whole number, found 'yes'"),
        ("a.png,100,80,1,2,3,4,2,mine,train", "row 2: ignore: expected one of 0, 1, found '2'"),
        ("a.png,100,80,1,2,3,4,0,mine,val", "row 2: split: expected one of test, train, found 'val'"),
        ("c.png,100,80,1,2,3,4,0,mine,train", "row 2: expected the image 'c.png' in .*, found none"),
        ("../a.png,100,80,1,2,3,4,0,mine,train", "row 2: expected a path below .*, found '../a.png'; mend"),
        ("/a.png,100,80,1,2,3,4,0,mine,train", "row 2: expected a path below .*, found '/a.png'; mend"),
        ("a.png,100,80,1,2", "row 2 is cut short; download or unpack it again"),
        ("", "expected rows below the header, found none"),
    ],
)  # fmt: skip
def test_a_malformed_row_is_named(root: Path, row: str, message: str) -> None:
    with pytest.raises(DataError, match=f"annotations.csv: {message}"):
        read_annotations(table(root, row + "\n"))


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ("a.png,101,80,1,2,3,4,0,mine,train", "101x80 mine train"),
        ("./a.png,100,80,1,2,3,4,0,mine,test", "100x80 mine test"),
        ("a.png,100,80,1,2,3,4,0,other,train", "100x80 other train"),
    ],
)
def test_rows_that_contradict_an_earlier_row_of_their_picture_are_named(
    root: Path, row: str, found: str
) -> None:
    message = f"row 3: expected 100x80 mine train as in an earlier row of it, found {found}"
    with pytest.raises(DataError, match=message):
        read_annotations(table(root, GOOD + row + "\n"))


@pytest.mark.parametrize("text", ["", "file,width\na.png,100\n"])
def test_a_missing_column_is_named(root: Path, text: str) -> None:
    write(root / "annotations.csv", text)
    with pytest.raises(DataError, match=r"annotations.csv: expected the column '(file|height)'"):
        read_annotations(root)


def test_bytes_that_are_no_utf_8_are_refused_with_their_row(root: Path) -> None:
    (root / "annotations.csv").write_bytes(HEADER.encode() + b"\xff.png,100,80\n")
    with pytest.raises(DataError, match=r"annotations.csv: no csv behind row \d: .*utf-8"):
        read_annotations(root)


@pytest.fixture(scope="module")
def faces() -> tuple[AnnotatedImage, ...]:
    if not FACES.is_dir():
        pytest.skip("the photographs of ../shared/data/faces are not on this machine")
    return read_annotations(FACES)


PICTURES = {
    "widerface_train": (748, 70),
    "widerface_val": (324, 29),
    "kaggle_facemask853": (848, 84),
    "macwin_mask498": (484, 46),
    "maskon_ffhq_synthmask": (107, 9),
    "cmu_mit": (116, 116),
    "haar_negatives": (601, 70),
}
"""What the README of the photographs says: pictures, and those of the test split."""


def test_the_photographs_of_this_workplace_are_as_many_as_their_readme_says(
    faces: tuple[AnnotatedImage, ...],
) -> None:
    everything = Counter(one.source for one in faces)
    tested = Counter(one.source for one in of_split(faces, "test"))
    assert {source: (everything[source], tested[source]) for source in everything} == PICTURES


def test_no_box_of_this_workplace_is_lost_or_changes_sides(
    faces: tuple[AnnotatedImage, ...],
) -> None:
    with (FACES / "annotations.csv").open() as file:
        rows = Counter((row["source"], row["ignore"] == "1") for row in csv.DictReader(file))
    loaded: Counter[tuple[str, bool]] = Counter()
    for one in faces:
        loaded.update((one.source, ignored) for ignored in one.ignored.tolist())
    assert loaded == rows
    for source, usable in (("widerface_val", 3642), ("macwin_mask498", 1155), ("cmu_mit", 510)):
        assert loaded[source, False] == usable  # as the README says


def test_the_first_photograph_of_this_workplace_can_be_read(
    faces: tuple[AnnotatedImage, ...],
) -> None:
    assert faces[0].read().shape == (faces[0].height, faces[0].width, 3)
