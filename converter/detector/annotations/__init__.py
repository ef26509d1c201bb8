"""Annotations: boxes of faces as published sets write them, each form read by its own loader."""

from pathlib import Path

from converter.detector.annotations.form import Form, form_of
from converter.detector.annotations.table import load_table
from converter.detector.annotations.wider import load_wider
from converter.detector.photographs import Photograph

__all__ = [
    "Form",
    "form_of",
    "load_table",
    "load_wider",
    "open_photographs",
]


def open_photographs(path: Path) -> tuple[Photograph, ...]:
    """Read the photographs at `path`, a file or a folder, whatever their form.

    Raises:
        DataError: the form is unknown, or a file is malformed; the text names file and line.
    """
    match form_of(path):
        case Form.TABLE:
            return load_table(path)
        case Form.WIDER:
            return load_wider(path)
