"""PASCAL VOC: an xml file a picture (Everingham et al. 2010, doi:10.1007/s11263-009-0275-4)."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from converter.detector.annotations.boxes import FaceBox, in_picture, photograph
from converter.detector.annotations.classes import check_faces, is_face
from converter.detector.annotations.place import MEND, Place, read_lines
from converter.detector.annotations.size import Size, read_size
from converter.detector.annotations.split import by_name
from converter.detector.annotations.tree import Node, read_xml
from converter.detector.photographs import Photograph, Split
from edge.geometry import Box

LISTS = {"train": Split.TRAIN, "val": Split.TEST, "test": Split.TEST}
"""Of ImageSets/Main. Others, such as trainval, repeat these."""


def annotation_files(root: Path) -> list[Path]:
    """Return the xml files in `root`/Annotations or annotations, else in `root`, by their names."""
    for folder in (root / "Annotations", root / "annotations", root):
        found = sorted(path for path in folder.glob("*.xml") if not path.name.startswith("."))
        if found:
            return found
    return []


def load_voc(root: Path) -> tuple[Photograph, ...]:
    """Read a folder of xml files, or the folder above with JPEGImages or images beside it.

    Objects of other classes than those of `classes.FACES` are passed over; difficult ones are
    ignored.

    Raises:
        DataError: a file is malformed; the text names file and line.
    """
    root = root.resolve()  # so that it has a name, and a folder above
    trees = {path: _annotation(path) for path in annotation_files(root)}
    _check_once(trees.values())
    check_faces(root, (_name(one) for tree in trees.values() for one in tree.all("object")))
    folder = next(iter(trees)).parent
    splits = _splits(folder, {path.stem for path in trees})
    source = folder.parent.name if folder.name.lower() == "annotations" else root.name
    return tuple(_photograph(tree, source, splits.get(path.stem)) for path, tree in trees.items())


def _annotation(path: Path) -> Node:
    tree = read_xml(path)
    if tree.tag != "annotation":
        raise tree.place.error(f"expected <annotation>, found <{tree.tag}>; take the file out")
    return tree


def _check_once(trees: Iterable[Node]) -> None:
    seen: dict[str, Place] = {}
    for name in (tree.one("filename") for tree in trees):
        first = seen.setdefault(name.text, name.place)
        if first is not name.place:
            expected = f"each picture once, found {name.text!r} in {first.path.name} too"
            raise name.place.error(f"expected {expected}; {MEND}")


def _splits(folder: Path, names: set[str]) -> dict[str, Split]:
    """Return what ImageSets/Main beside the annotations says of the files called `names`."""
    splits: dict[str, Split] = {}
    for name, split in LISTS.items():
        path = folder.parent / "ImageSets" / "Main" / f"{name}.txt"
        for line in read_lines(path) if path.is_file() else ():
            if line.text not in names:
                raise line.error(f"expected a file {line.text}.xml in {folder}, found none; {MEND}")
            if splits.setdefault(line.text, split) is not split:
                raise line.error(f"expected {line.text!r} in one split, found it in two; {MEND}")
    return splits


def _photograph(tree: Node, source: str, split: Split | None) -> Photograph:
    folder, name = tree.place.path.parent, tree.one("filename")
    beside = (folder.parent / "JPEGImages", folder.parent / "images")
    path = name.place.picture(name.text, folder, *beside)
    size = read_size(path)
    _check_size(tree, size)
    return photograph(path, size, list(_faces(tree, size)), source, split or by_name(path.name))


def _check_size(tree: Node, size: Size) -> None:
    """Check what the file says of its picture's size; some tools write no size, or zeros."""
    told = tree.find("size")
    if told is None:
        return
    width, height = (
        side.place.whole(side.text, side.tag) for side in (told.one("width"), told.one("height"))
    )
    if width and height and Size(width, height) != size:
        found = f"a picture of {size}"
        raise told.place.error(
            f"expected {width}x{height} as annotated, found {found}; annotate it as it is stored"
        )


def _faces(tree: Node, size: Size) -> Iterator[FaceBox]:
    for one in tree.all("object"):
        if is_face(_name(one)):
            difficult = one.find("difficult")
            ignored = difficult is not None and difficult.place.flag(difficult.text, "difficult")
            yield FaceBox(_box(one.one("bndbox"), size), ignored)


def _name(one: Node) -> str:
    return one.one("name").text


def _box(node: Node, size: Size) -> Box:
    """Return the box: VOC counts pixels from 1, and the last ones belong to it."""
    edges = (node.one(tag) for tag in ("xmin", "ymin", "xmax", "ymax"))
    left, top, right, bottom = (edge.place.number(edge.text, edge.tag) for edge in edges)
    return in_picture(Box(left - 1, top - 1, right, bottom), size, node.place)
