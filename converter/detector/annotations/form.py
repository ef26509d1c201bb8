"""Forms that photographs with boxes come in, told by what is there."""

from enum import StrEnum
from pathlib import Path

from converter.detector.annotations import table, wider
from edge.errors import DataError


class Form(StrEnum):
    """How a set is laid out."""

    TABLE = "annotations.csv"
    WIDER = "text files of WIDER FACE"


def form_of(path: Path) -> Form:
    """Return the form of the set at `path`; of several in one folder, the first of `Form`.

    Raises:
        DataError: there is nothing, or nothing that is known.
    """
    if not path.exists():
        raise DataError(f"{path}: cannot be read: there is no such file or folder")
    if path.suffix.lower() == ".csv" or (path / table.ANNOTATIONS).is_file():
        return Form.TABLE
    if wider.annotation_files(path):
        return Form.WIDER
    raise DataError(f"{path}: expected {' or '.join(Form)}, found neither")
