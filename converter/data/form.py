"""Forms that sets of faces come in, told by what is there."""

from enum import StrEnum
from pathlib import Path

from converter.data import ckplus, jaffe
from converter.data.images import find_pictures
from edge.capture.images import SUFFIXES
from edge.errors import DataError


class Form(StrEnum):
    """How a set is laid out."""

    FER2013 = "csv of FER2013"
    CKEXTENDED = "csv of CK+"
    CKPLUS = "folders of CK+"
    JAFFE = "pictures of JAFFE"
    FOLDERS = "class folders"


def form_of(path: Path) -> Form:
    """Return the form of the set at `path`.

    A file is a csv, CK+'s if its name begins with "ck". A folder is CK+ or JAFFE as soon as one
    picture in it is called as theirs are, so that none of them is ever split by picture.

    Raises:
        DataError: there is nothing, or a folder without pictures.
    """
    if not path.is_dir():
        return Form.CKEXTENDED if path.name.lower().startswith("ck") else Form.FER2013
    names = [picture.name for picture in find_pictures(path)]
    if not names:
        raise DataError(f"{path}: {_no_pictures(path)}")
    if any(ckplus.NAME.fullmatch(name) for name in names):
        return Form.CKPLUS
    if any(jaffe.NAME.fullmatch(name) for name in names):
        return Form.JAFFE
    return Form.FOLDERS


def _no_pictures(folder: Path) -> str:
    """Return what was looked for in a folder, and the csv that may have been meant."""
    tables = sorted(folder.glob("*.csv"))
    found = f"no picture; did you mean {tables[0]}?" if tables else "no picture"
    return (
        "expected class folders such as happy/ with pictures "
        f"({' '.join(sorted(SUFFIXES))}), or the pictures of CK+ or JAFFE, found {found}"
    )
