"""Layouts of published sets, told by the name of a file each, and the readers that they share."""

import logging
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from glob import iglob
from pathlib import Path
from typing import TypeVar

import numpy as np

from converter.data import images as image_files
from converter.data.csv_files import DOWNLOAD_AGAIN, read_csv
from converter.data.dataset import VOTE_COLUMNS, Dataset
from converter.data.images import LabeledImage, split_usages
from converter.data.label_sets import AFFECTNET, CKPLUS, FER2013, RAF_DB, Codes, find_expression
from edge.capture.images import SUFFIXES
from edge.detect.detector import Detector
from edge.errors import DataError
from edge.geometry import Box
from edge.terminal import plural
from edge.types import EXPRESSIONS

log = logging.getLogger(__name__)

Paths = Sequence[Path]
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Layout:
    """Layout of a published set; `read` gets the marked files and all images."""

    source: str  # name of the set; empty takes the folder's
    marker: str  # pattern of the name of a file that tells the layout, or of its folder and name
    read: Callable[["Layout", Paths, Paths], Iterator[LabeledImage]] | None  # None: class folders
    codes: Codes  # of the labels that `read` yields
    pattern: str = ""  # of a line of a marked file, or of an image's name; groups are what it tells
    example: str = ""  # what fits the pattern, for the errors
    header: str = ""  # text in the first line of a marked file
    whole: bool = False  # whether the images show much more than a face
    note: str = ""  # what is told to whoever reads the set

    def mark(self, files: Paths) -> list[Path]:
        """Return the files that tell the layout."""
        pattern = re.compile(rf"(?:.*/)?{self.marker}", re.IGNORECASE)
        found = [path for path in files if pattern.fullmatch(f"{path.parent.name}/{path.name}")]
        return [path for path in found if not self.header or self.header in _lines(path)[0]]

    def parse(self, text: str, place: str, kind: str) -> dict[str, str]:
        """Return what a text tells by the pattern; DataError where it is another."""
        found = re.fullmatch(self.pattern, text, re.IGNORECASE)
        if found is None:
            wrong = f"expected a {kind} such as {self.example}, found {text!r}"
            raise DataError(f"{place}: {wrong}; mend or remove it, or {DOWNLOAD_AGAIN}")
        return {group: told or "" for group, told in found.groupdict().items()}

    def parse_name(self, path: Path) -> dict[str, str]:
        """Return what the name of an image tells, in capitals; empty where names do not tell."""
        told = self.parse(path.name, str(path), "name") if self.pattern else {"subject": ""}
        return {group: text.upper() for group, text in told.items()}


def load_folder(root: Path, detector: Detector | None = None) -> Dataset:
    """Read the published set or the class folders below `root`; errors as `open_dataset`."""
    # Unlike Path.rglob, it follows links to folders and leaves hidden files out.
    below = (root / name for name in iglob("**", root_dir=root, recursive=True))  # noqa: PTH207
    files = sorted(path for path in below if path.is_file())
    images = [path for path in files if image_files.is_image(path.name)]
    if not images:
        tables = [path for path in files if path.suffix == ".csv"]
        hint = f"; did you mean {tables[0]}?" if tables else ""
        kinds = f"images ({' '.join(sorted(SUFFIXES))}), or a published set of faces"
        wanted = f"class folders such as happy/ with {kinds}"
        raise DataError(f"{root}: expected {wanted}, found none{hint}")
    layout = next((one for one in LAYOUTS if one.mark(files)), CLASS_FOLDERS)
    source = layout.source or root.resolve().name
    if layout.note:
        log.warning(f"{root}: {layout.note}")
    if layout.whole and detector is None:
        log.warning(f"{root}: the images of {source} show more than a face; --crop cuts it out")
    if layout.read is None:
        read = image_files.read_class_folders(
            root, images, lambda path: layout.parse_name(path)["subject"]
        )
    else:
        read = layout.read(layout, layout.mark(files), images)
    labeled, left_out = list[LabeledImage](), list[LabeledImage]()
    for image in read:
        if image.label not in layout.codes:
            wrong = f"a label among {', '.join(layout.codes)}, found {image.label!r}"
            raise DataError(f"{image.path}: expected {wrong}; take the image out")
        expression = layout.codes[image.label]
        (labeled if expression else left_out).append(replace(image, label=expression or ""))
    if left_out:
        kind = f"labeled as no expression or in profile, such as {left_out[0].path}"
        log.warning(f"{source}: left out {plural(len(left_out), 'image')} {kind}")
    if not labeled:
        found = f"found none; is this all of {source}?"
        raise DataError(f"{root}: expected faces labeled as an expression, {found}")
    return image_files.load_images(labeled, source, detector)


def _read_lists(layout: Layout, marked: Paths, images: Paths) -> Iterator[LabeledImage]:
    """Read text files: each line names an image, its label or votes, its split, a box."""
    by_name = {path.name: path for path in images}
    usages = split_usages(["train", "test", *(file.parent.name for file in marked)])
    for file in marked:
        for number, text in enumerate(_lines(file), 1):
            place = f"{file}: line {number}"
            row = layout.parse(text, place, "line")
            aligned = row["image"].replace(".", "_aligned.")  # as RAF-DB calls the faces it cut out
            votes = tuple(map(float, row["votes"].split(","))) if "votes" in row else ()
            edges = [float(row[edge]) for edge in ("left", "top", "right", "bottom") if edge in row]
            yield LabeledImage(
                by_name.get(aligned) or _listed(by_name, row["image"], place),
                VOTE_COLUMNS[int(np.argmax(votes))] if votes else row["label"],
                usages[row.get("split", "").lower() or file.parent.name],
                box=Box(*edges) if edges else None,
                votes=votes,
            )


def _read_names(layout: Layout, marked: Paths, images: Paths) -> Iterator[LabeledImage]:
    for path in images:
        told = layout.parse_name(path)
        yield LabeledImage(path, told["label"], subject=told["subject"])


def _read_affectnet(layout: Layout, marked: Paths, images: Paths) -> Iterator[LabeledImage]:
    """Read SPLIT/annotations/1_exp.npy, each the label of SPLIT/images/1.jpg."""
    known = {str(path.with_suffix("")): path for path in images}
    usages = split_usages(file.parent.parent.name for file in marked)
    for file in marked:
        try:
            label = str(np.load(file).item())  # a text, as it is published
        except (OSError, ValueError, EOFError) as error:
            found = f"expected one label, found {error}"
            raise DataError(f"{file}: {found}; {DOWNLOAD_AGAIN}") from error
        folder = file.parent.parent
        stem = str(folder / "images" / file.name.removesuffix("_exp.npy"))
        yield LabeledImage(_listed(known, stem, str(file)), label, usages[folder.name])


def _read_affectnet_table(layout: Layout, marked: Paths, images: Paths) -> Iterator[LabeledImage]:
    """Read Kaggle's labels.csv, which corrects what the folders of its images say."""
    known = {str(path): path for path in images}
    for table in marked:
        for row in read_csv(table, ("pth", "label")):
            label, place = row.texts["label"], str(table.parent / row.texts["pth"])
            path = _listed(known, place, f"{table}: row {row.line}")
            yield LabeledImage(path, find_expression(label) or label)


def _read_ckplus(layout: Layout, marked: Paths, images: Paths) -> Iterator[LabeledImage]:
    """Read sequences from a neutral face to the one that *_emotion.txt labels; others show none."""
    sequences: dict[str, list[Path]] = defaultdict(list)
    for path in images:
        sequences[path.name[:8]].append(path)
    for file in marked:
        name = file.name[:8]
        label = layout.parse(" ".join(_lines(file)).strip(), str(file), "label")["label"]
        neutral, *frames = _listed(sequences, name, str(file))
        yield LabeledImage(neutral, "0", subject=name[:4])
        for path in frames[-3:]:  # as CK+48 has them
            yield LabeledImage(path, label, subject=name[:4])


def _lines(path: Path) -> list[str]:
    """Return the lines of a text file, one at least; DataError where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig").splitlines() or [""]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as text: {error}; {DOWNLOAD_AGAIN}") from error


def _listed(images: Mapping[str, Found], name: str, place: str) -> Found:
    if name not in images:
        remedy = "unpack all of them, and give the folder that holds both labels and images"
        raise DataError(f"{place}: expected {name} among the images of the set; {remedy}")
    return images[name]


NAMES: Codes = {name: name for name in EXPRESSIONS}
LETTERS: Codes = {name[:2].upper(): name for name in EXPRESSIONS[:7]} | {"AF": "fear", "": None}
"""Codes in the names of JAFFE's and KDEF's images, such as AN; AF is KDEF's, for afraid."""

LETTER = "|".join(filter(None, LETTERS))
CKPLUS_NAME = r"(?P<subject>S\d{3})_\d{3}_\d{8}\..+"
JAFFE_NAME = rf"(?P<subject>[A-Z]{{2}})\.(?P<label>{LETTER})\d+\.\d+\..+"
KDEF_NAME = (
    rf"[AB](?P<subject>[FM]\d\d)(?:(?P<label>{LETTER})(?:S|HL|HR)|(?:{LETTER})(?:FL|FR)|V|H)\..+"
)
"""Session, subject, expression, angle; no full profiles, and not AF31V and AM31H, misnamed ones."""

RAF_DB_FILE = r"list_patition_label\.txt"
RAF_DB_LINE = r"(?P<image>(?P<split>train|test)_\d+\.jpg) (?P<label>\d+)\s*"
EXPW_BOX = r"(?P<top>-?\d+) (?P<left>-?\d+) (?P<right>-?\d+) (?P<bottom>-?\d+)"
EXPW_LINE = rf"(?P<image>\S+) \d+ {EXPW_BOX} \S+ (?P<label>\d+)\s*"
EXPW_EXAMPLE = "name.jpg 0 28 113 226 141 22.9362 5"
FERPLUS_FILE = r"FER2013(Train|Valid|Test)/label\.csv"
FERPLUS_LINE = r'(?P<image>fer\d{7}\.png),"[^"]*",(?P<votes>\d+(?:,\d+){9})\s*'
FERPLUS_EXAMPLE = 'fer0000000.png,"(0, 0, 48, 48)",4,0,0,1,3,2,0,0,0,0'
FERPLUS: Codes = {name: find_expression(name) for name in VOTE_COLUMNS}
AFFECTNET_CODES: Codes = {**AFFECTNET, "8": None, "9": None, "10": None}

LAYOUTS = (  # published ones, each tried in turn
    # Li et al. 2017, doi:10.1109/CVPR.2017.277
    Layout("RAF-DB", RAF_DB_FILE, _read_lists, RAF_DB, RAF_DB_LINE, "train_00001.jpg 5"),
    # Zhang et al. 2018, doi:10.1007/s11263-017-1055-1
    Layout("ExpW", r"label\.lst", _read_lists, FER2013, EXPW_LINE, EXPW_EXAMPLE),
    # Mollahosseini, Hasani and Mahoor 2017, doi:10.1109/TAFFC.2017.2740923
    Layout("AffectNet", r"annotations/\d+_exp\.npy", _read_affectnet, AFFECTNET_CODES),
    Layout("AffectNet", r"labels\.csv", _read_affectnet_table, NAMES, header="pth"),
    Layout(  # Lucey et al. 2010, doi:10.1109/CVPRW.2010.5543262
        "CK+",
        r"S\d{3}_\d{3}_\d{8}_emotion\.txt",
        _read_ckplus,
        CKPLUS,
        r"(?P<label>\d)(?:\.0*e\+00)?",
        "3.0000000e+00",
        whole=True,
        note="of each labeled sequence the first frame is taken as neutral, the last 3 as labeled",
    ),
    # Barsoum et al. 2016, arXiv:1608.01041
    Layout("FER+", FERPLUS_FILE, _read_lists, FERPLUS, FERPLUS_LINE, FERPLUS_EXAMPLE),
    Layout(
        "CK+",
        CKPLUS_NAME,
        None,
        NAMES,
        CKPLUS_NAME,
        "S010_004_00000017.png",
        note="is split by person; without a folder neutral, train it alone with --label-set ck",
    ),
    Layout(  # Lyons et al. 1998, doi:10.1109/AFGR.1998.670949
        "JAFFE", JAFFE_NAME, _read_names, LETTERS, JAFFE_NAME, "KA.AN1.39.tiff", whole=True
    ),
    Layout(  # Lundqvist, Flykt and Öhman 1998, ISBN 91-630-7164-9
        "KDEF", KDEF_NAME, _read_names, LETTERS, KDEF_NAME, "AF01ANS.JPG", whole=True
    ),
)

CLASS_FOLDERS = Layout("", "", None, NAMES)
