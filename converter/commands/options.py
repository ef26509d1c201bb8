"""Options that several subcommands share."""

import argparse
import math
from pathlib import Path

from converter.data import Dataset, Form, combine, form_of, open_dataset
from edge.errors import DataError


def add_data(parser: argparse.ArgumentParser, required: bool = True) -> None:
    """Add the options that name the faces."""
    parser.add_argument(
        "--data",
        type=weighted_path,
        action="append",
        required=required,
        metavar="PATH[@WEIGHT]",
        help="a csv or a folder of labelled faces (docs/datasets.md lists the forms), and how much "
        "each of its rows counts, 1 if not said; may be given several times",
    )
    parser.add_argument("--votes", type=Path, help="FER+'s fer2013new.csv, beside fer2013.csv")


def load_data(options: argparse.Namespace) -> Dataset:
    """Read the faces that `add_data`'s options name, all of them as one.

    Raises:
        DataError: a set cannot be read, or there are votes and no csv of FER2013.
    """
    votes = {path: options.votes for path, _ in options.data if form_of(path) is Form.FER2013}
    if options.votes is not None and not votes:
        raise DataError(f"{options.votes}: belongs beside fer2013.csv; give that as --data too")
    return combine(
        [open_dataset(path, votes.get(path)).weighted(weight) for path, weight in options.data]
    )


def weighted_path(text: str) -> tuple[Path, float]:
    """Parse a path with an optional weight, such as mine@2.0; a path that exists is one whole."""
    path, _, number = text.rpartition("@")
    if not path or Path(text).exists():
        return Path(text), 1.0
    try:
        weight = float(number)
    except ValueError:
        return Path(text), 1.0  # a path with an @ in it, whose absence the loader reports
    if not 0 < weight < math.inf:
        raise argparse.ArgumentTypeError(f"expected a weight above 0, found {number!r}")
    return Path(path), weight


def names(text: str) -> tuple[str, ...]:
    """Parse names parted by commas, such as angry,happy,sad."""
    return tuple(name.strip() for name in text.split(","))


def picture_size(text: str) -> tuple[int, int]:
    """Parse a width and a height, such as 160x120."""
    width, _, height = text.partition("x")
    if width.isdecimal() and height.isdecimal() and int(width) > 0 and int(height) > 0:
        return int(width), int(height)
    raise argparse.ArgumentTypeError(f"expected a size such as 160x120, found {text!r}")
