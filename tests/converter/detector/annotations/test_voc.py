from pathlib import Path

import pytest

from converter.detector.annotations import load_voc
from converter.detector.photographs import Split
from edge.errors import DataError
from tests.converter.detector.annotations.drawn import draw, write

BOX = "<bndbox><xmin>11</xmin><ymin>21</ymin><xmax>40</xmax><ymax>60</ymax></bndbox>"
FACE = f"<object><name>face</name>{BOX}</object>"
SIZE = "<size><width>100</width><height>80</height><depth>3</depth></size>"


def voc(root: Path, inside: str = FACE, name: str = "a", folder: str = "Annotations") -> Path:
    """Write NAME.xml with `inside` from line 4 on, and its picture; return `root`."""
    draw(root / ("images" if folder == "annotations" else "JPEGImages"), f"{name}.png")
    text = f"<annotation>\n<filename>{name}.png</filename>\n\n{inside}\n</annotation>\n"
    write(root / folder / f"{name}.xml", text)
    return root


@pytest.mark.parametrize("folder", ["Annotations", "annotations"])
def test_pictures_lie_beside_the_folder_of_the_annotations(tmp_path: Path, folder: str) -> None:
    (found,) = load_voc(voc(tmp_path / "mine", folder=folder))
    assert found.path.is_file()
    assert (found.width, found.height) == (100, 80)
    assert found.ignored.tolist() == [False]
    assert found.source == "mine"


def test_pixels_are_counted_from_one_and_the_last_belongs_to_the_box(tmp_path: Path) -> None:
    (found,) = load_voc(voc(tmp_path))
    assert found.boxes.tolist() == [[10, 20, 40, 60]]


def test_a_folder_of_files_may_hold_the_pictures_too(tmp_path: Path) -> None:
    root = draw(voc(tmp_path, folder="."), "a.png")
    (found,) = load_voc(root)
    assert found.path == root / "a.png"


def test_the_folder_of_the_annotations_may_be_named_itself(tmp_path: Path) -> None:
    (found,) = load_voc(voc(tmp_path / "mine") / "Annotations")
    assert (found.path.parent.name, found.source) == ("JPEGImages", "mine")


def test_difficult_objects_are_ignored(tmp_path: Path) -> None:
    inside = FACE.replace("<bndbox>", "<difficult>1</difficult><bndbox>")
    (found,) = load_voc(voc(tmp_path, inside))
    assert found.ignored.tolist() == [True]


@pytest.mark.parametrize(
    "name",
    ["face", "Face", "Human face", "with_mask", "without_mask", "mask_weared_incorrect", "no-mask"],
)
def test_the_classes_of_the_usual_sets_are_faces(tmp_path: Path, name: str) -> None:
    (found,) = load_voc(voc(tmp_path, FACE.replace("face", name)))
    assert len(found.boxes) == 1


def test_objects_that_are_no_faces_are_passed_over(tmp_path: Path) -> None:
    part = f"<part><name>face</name>{BOX}</part>"
    person = f"<object><name>person</name>{BOX}{part}</object>"
    (found,) = load_voc(voc(tmp_path, person + FACE + FACE.replace("face", "head")))
    assert len(found.boxes) == 1


def test_a_set_whose_objects_are_never_called_faces_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"expected a class of faces \(face, .*found only gesicht; re"
    ):
        load_voc(voc(tmp_path, FACE.replace("face", "gesicht")))


def test_a_file_without_objects_is_a_photograph_without_faces(tmp_path: Path) -> None:
    (found,) = load_voc(voc(tmp_path, ""))
    assert found.boxes.shape == (0, 4)


def test_lists_tell_the_split_and_the_name_tells_it_for_the_others(tmp_path: Path) -> None:
    for number in range(60):
        voc(tmp_path, name=f"{number:02}")
    lists = tmp_path / "ImageSets" / "Main"
    write(lists / "train.txt", "".join(f"{number:02}\n" for number in range(20)))
    write(lists / "val.txt", "20\n21\n")
    write(lists / "test.txt", "22\n21\n")
    splits = [one.split for one in load_voc(tmp_path)]
    assert set(splits[:20]) == {Split.TRAIN}
    assert set(splits[20:23]) == {Split.TEST}
    assert set(splits[23:]) == {Split.TRAIN, Split.TEST}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("train", "a\nb\n", "train.txt: line 2: expected a file b.xml in .*, found none"),
        ("test", "a\n", "test.txt: line 1: expected 'a' in one split, found it in two"),
    ],
)
def test_a_list_that_contradicts_the_files_or_another_is_named(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    voc(tmp_path)
    write(tmp_path / "ImageSets" / "Main" / "train.txt", "a\n")
    write(tmp_path / "ImageSets" / "Main" / f"{name}.txt", text)
    with pytest.raises(DataError, match=message):
        load_voc(tmp_path)


@pytest.mark.parametrize("side", ["<width>0</width><height>0</height>", ""])
def test_a_size_that_was_not_written_counts_for_nothing(tmp_path: Path, side: str) -> None:
    (found,) = load_voc(voc(tmp_path, FACE + (side and f"<size>{side}</size>")))
    assert (found.width, found.height) == (100, 80)


def test_a_box_beyond_the_edge_is_clipped(tmp_path: Path) -> None:
    inside = FACE.replace("<xmax>40", "<xmax>104").replace("<ymin>21", "<ymin>0")
    (found,) = load_voc(voc(tmp_path, SIZE + inside))
    assert found.boxes.tolist() == [[10, 0, 100, 60]]


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        (FACE.replace("11", "x"), "line 4: expected a number as xmin, found 'x'; mend or delete it"),
        (FACE.replace("11", "inf"), "line 4: expected a number as xmin, found 'inf'"),
        (FACE.replace("<xmax>40", "<xmax>9"), "line 4: expected a box of a size above 0, found -1x40"),
        (FACE.replace("11", "101").replace("40", "110"), "line 4: expected a box in the picture of 100x80"),
        (FACE.replace(BOX, ""), "line 4: expected one <bndbox> in <object>, found none"),
        (FACE.replace("<ymax>60</ymax>", ""), "line 4: expected one <ymax> in <bndbox>, found none"),
        (FACE.replace("<name>face</name>", ""), "line 4: expected one <name> in <object>, found none"),
        (FACE.replace(BOX, BOX + "\n<difficult>2</difficult>"), "line 5: expected 0 or 1 as difficult"),
        (SIZE.replace("100", "80") + FACE, "line 4: expected 80x80 as annotated, found a picture of 100x80"),
        (SIZE.replace("100", "wide") + FACE, "line 4: expected a whole number .* as width, found 'wide'"),
        ("<filename>b.png</filename>", "line 1: expected one <filename> in <annotation>, found 2"),
        ("<object>", "line 5: expected xml, found mismatched tag; mend or delete it"),
        ("&", "line 4: expected xml, found not well-formed"),
    ],
)  # fmt: skip
def test_a_malformed_object_is_named(tmp_path: Path, inside: str, message: str) -> None:
    with pytest.raises(DataError, match=f"a.xml: {message}"):
        load_voc(voc(tmp_path, inside))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "line 1: expected xml, found no element found"),
        (b"<annotation>\n<filename>", "line 2: expected xml, found no element found"),
        (b"<annotation>\n\xe9</annotation>", "line 2: expected xml, found not well-formed"),
        (b'<?xml version="1.0" encoding="gbk"?><annotation/>', "line 1: expected xml in UTF-8: multi"),
        (b'\n<!DOCTYPE a [<!ENTITY b "c">]>\n<a>&b;</a>', "line 2: expected no DOCTYPE; take it out"),
        (b"<html/>", "line 1: expected <annotation>, found <html>"),
        (b"<annotation/>", "line 1: expected one <filename> in <annotation>, found none"),
        (b"<annotation>\n<filename>c.png</filename></annotation>", "line 2: expected the picture 'c.png'"),
        (b"<annotation>\n<filename>../c</filename></annotation>", "line 2: expected a picture in the set"),
    ],
)  # fmt: skip
def test_a_malformed_file_is_named(tmp_path: Path, data: bytes, message: str) -> None:
    voc(tmp_path)
    (tmp_path / "Annotations" / "a.xml").write_bytes(data)
    with pytest.raises(DataError, match=f"a.xml: {message}"):
        load_voc(tmp_path)


def test_two_files_of_one_picture_are_named(tmp_path: Path) -> None:
    text = (voc(tmp_path) / "Annotations" / "a.xml").read_text()
    write(tmp_path / "Annotations" / "b.xml", text)
    with pytest.raises(DataError, match=r"b.xml: line 2: .*once, found 'a.png' in a.xml too"):
        load_voc(tmp_path)
