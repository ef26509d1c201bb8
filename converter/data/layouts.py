"""Layouts of sets of images, a row of a table each, and the readers that they share.

A published set is told by the name of a file in its folder; any other folder holds class folders.
"""

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from converter.data.dataset import VOTE_COLUMNS, Dataset
from converter.data.images import LabeledImage, find_files, is_image, load_images
from converter.data.label_sets import find_expression
from converter.data.readers import (
    AFFECTNET,
    FER2013,
    RAF_DB,
    Codes,
    SetFiles,
    number_codes,
    read_affectnet,
    read_affectnet_table,
    read_ckplus,
    read_folders,
    read_lines,
    read_lists,
    read_names,
)
from edge.capture.images import SUFFIXES
from edge.detect import Detector
from edge.errors import DataError
from edge.types import EXPRESSIONS

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Layout:
    """Layout of a published set.

    Attributes:
        source: name of the set; empty takes the folder's.
        marker: pattern of the name of a file that tells the layout, or of its folder and name.
        read: yields the labeled images of a set.
        codes: the expression of each label that `read` yields.
        pattern, example: as of `SetFiles`.
        header: text in the first line of a marked file, by which others of its name are told.
        whole: whether the images show much more than a face.
        note: what is told to whoever reads the set.
    """

    source: str
    marker: str
    read: Callable[[SetFiles], Iterator[LabeledImage]]
    codes: Codes
    pattern: str = ""
    example: str = ""
    header: str = ""
    whole: bool = False
    note: str = ""

    def mark(self, files: Sequence[Path]) -> list[Path]:
        """Return the files that tell the layout."""
        pattern = re.compile(rf"(?:.*/)?{self.marker}", re.IGNORECASE)
        found = [path for path in files if pattern.fullmatch(f"{path.parent.name}/{path.name}")]
        return [path for path in found if not self.header or self.header in read_lines(path)[0]]


def load_folder(root: Path, detector: Detector | None = None) -> Dataset:
    """Read the set of images in a folder.

    Args:
        root: the folder.
        detector: finds and crops the faces in whole images; None takes images as they are.

    Raises:
        DataError: there is no image, or a file or folder is missing, malformed or unknown.
    """
    files = find_files(root)
    images = [path for path in files if is_image(path.name)]
    if not images:
        tables = [path for path in files if path.suffix == ".csv"]
        found = f"no image; did you mean {tables[0]}?" if tables else "no image"
        raise DataError(
            f"{root}: expected class folders such as happy/ with images "
            f"({' '.join(sorted(SUFFIXES))}), or a published set of faces, found {found}"
        )
    layout = next((one for one in LAYOUTS if one.mark(files)), CLASS_FOLDERS)
    source = layout.source or root.resolve().name
    if layout.note:
        log.warning(f"{root}: {layout.note}")
    if layout.whole and detector is None:
        log.warning(f"{root}: the images of {source} show more than a face; --crop cuts it out")
    marked = SetFiles(root, layout.mark(files), images, layout.pattern, layout.example)
    labeled, left_out = list[LabeledImage](), list[LabeledImage]()
    for image in layout.read(marked):
        if image.label not in layout.codes:
            raise DataError(
                f"{image.path}: expected a label among {', '.join(layout.codes)}, found "
                f"{image.label!r}; take the image out"
            )
        expression = layout.codes[image.label]
        known = labeled if expression else left_out
        known.append(replace(image, label=expression or ""))
    if left_out:
        log.warning(
            f"{source}: left out {len(left_out)} images that are labeled as no expression or show "
            f"a profile, such as {left_out[0].path}"
        )
    if not labeled:
        raise DataError(
            f"{root}: expected faces labeled as an expression, found none; is this all of {source}?"
        )
    return load_images(labeled, source, detector)


NAMES: Codes = {name: name for name in EXPRESSIONS}
LETTERS: Codes = {name[:2].upper(): name for name in EXPRESSIONS[:7]} | {"AF": "fear", "": None}
"""Codes in the names of JAFFE's and KDEF's images, such as AN; AF is KDEF's, for afraid."""

LETTER = "|".join(filter(None, LETTERS))
CKPLUS_NAME = r"(?P<subject>S\d{3})_\d{3}_\d{8}\..+"
JAFFE_NAME = rf"(?P<subject>[A-Z]{{2}})\.(?P<label>{LETTER})\d+\.\d+\..+"
KDEF_NAME = (
    rf"[AB](?P<subject>[FM]\d\d)(?:(?P<label>{LETTER})(?:S|HL|HR)|(?:{LETTER})(?:FL|FR)|V|H)\..+"
)
"""Session, subject, expression and angle. Full profiles are left out, and two misnamed images,
AF31V and AM31H."""

LAYOUTS = (
    Layout(  # Li et al. 2017, doi:10.1109/CVPR.2017.277
        "RAF-DB",
        r"list_patition_label\.txt",
        read_lists,
        RAF_DB,
        r"(?P<image>(?P<split>train|test)_\d+\.jpg) (?P<label>\d+)\s*",
        "train_00001.jpg 5",
    ),
    Layout(  # Zhang et al. 2018, doi:10.1007/s11263-017-1055-1
        "ExpW",
        r"label\.lst",
        read_lists,
        FER2013,
        r"(?P<image>\S+) \d+ (?P<top>-?\d+) (?P<left>-?\d+) (?P<right>-?\d+) (?P<bottom>-?\d+) "
        r"\S+ (?P<label>\d+)\s*",
        "name.jpg 0 28 113 226 141 22.9362 5",
    ),
    Layout(  # Mollahosseini, Hasani and Mahoor 2017, doi:10.1109/TAFFC.2017.2740923
        "AffectNet",
        r"annotations/\d+_exp\.npy",
        read_affectnet,
        {**AFFECTNET, "8": None, "9": None, "10": None},
    ),
    Layout("AffectNet", r"labels\.csv", read_affectnet_table, NAMES, header="pth"),
    Layout(  # Lucey et al. 2010, doi:10.1109/CVPRW.2010.5543262
        "CK+",
        r"S\d{3}_\d{3}_\d{8}_emotion\.txt",
        read_ckplus,
        number_codes(
            ("neutral", "angry", "contempt", "disgust", "fear", "happy", "sad", "surprise")
        ),
        example="3.0000000e+00",
        whole=True,
        note="of each labeled sequence the first frame is taken as neutral, the last 3 as labeled",
    ),
    Layout(  # Barsoum et al. 2016, arXiv:1608.01041
        "FER+",
        r"FER2013(Train|Valid|Test)/label\.csv",
        read_lists,
        {name: find_expression(name) for name in VOTE_COLUMNS},
        r'(?P<image>fer\d{7}\.png),"[^"]*",(?P<votes>\d+(?:,\d+){9})\s*',
        'fer0000000.png,"(0, 0, 48, 48)",4,0,0,1,3,2,0,0,0,0',
    ),
    Layout(
        "CK+",
        CKPLUS_NAME,
        read_folders,
        NAMES,
        CKPLUS_NAME,
        "S010_004_00000017.png",
        note="is split by person; without a folder neutral, train it alone with --label-set ck",
    ),
    Layout(  # Lyons et al. 1998, doi:10.1109/AFGR.1998.670949
        "JAFFE", JAFFE_NAME, read_names, LETTERS, JAFFE_NAME, "KA.AN1.39.tiff", whole=True
    ),
    Layout(  # Lundqvist, Flykt and Öhman 1998, ISBN 91-630-7164-9
        "KDEF", KDEF_NAME, read_names, LETTERS, KDEF_NAME, "AF01ANS.JPG", whole=True
    ),
)
"""Published layouts, each tried in turn."""

CLASS_FOLDERS = Layout("", "", read_folders, NAMES)
