"""Shared parts of subcommands: options for faces and folders, reports."""

import logging
import math
import shutil
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from functools import partial
from pathlib import Path

import msgspec

from converter.data import Dataset, open_dataset
from converter.data.csv_files import is_fer2013_csv
from converter.data.dataset import concatenate
from converter.train import run_dir
from edge.detect import open_detector
from edge.detect.builtin import BuiltinSettings
from edge.errors import ConfigError, DataError

log = logging.getLogger(__name__)


def add_data(parser: ArgumentParser, required: bool = True, positional: bool = False) -> None:
    """Add the options that name the faces, or the arguments in place of `--data`."""
    text = "a csv or a folder of labeled faces, and how much a row counts; one or several"
    add_faces = partial(parser.add_argument, type=weighted_path, help=text)
    if positional:
        add_faces("data", nargs="+", metavar="DATA[@WEIGHT]")
    else:
        add_faces("--data", action="append", required=required, metavar="PATH[@WEIGHT]")
    add = parser.add_argument
    add("--votes", type=Path, help="FER+'s fer2013new.csv, beside fer2013.csv")
    add("--crop", action="store_true", help="of whole images, crop each face as the daemon does")


def add_models(parser: ArgumentParser, name: str) -> None:
    """Add the options that say what models are called, and where they go."""
    parser.add_argument("--name", default=name, help="of the models; default: %(default)s")
    parser.add_argument("--out", type=Path, required=True, help="folder for models and cards")
    parser.add_argument("--force", action="store_true", help="overwrite; take what is refused")


def load_data(options: Namespace) -> Dataset:
    """Read all faces that `add_data`'s options name, with PublicTest rows; DataError if none."""
    paths = [path for path, _ in options.data]
    voted = set(filter(is_fer2013_csv, paths))
    if options.votes is not None and not voted:
        raise DataError(f"{options.votes}: belongs beside fer2013.csv; give that as --data too")
    if options.crop and not any(path.is_dir() for path in paths):
        raise DataError("--crop: expected a folder of whole images as --data; a csv holds crops")
    detector = open_detector(BuiltinSettings()) if options.crop else None
    sets = []
    for path, weight in options.data:
        votes = options.votes if path in voted else None
        sets.append(open_dataset(path, votes, detector).weighted(weight))
    data = concatenate(sets)
    split = data.with_public_test()
    if held_out := int((split.usage != data.usage).sum()):
        told = "held out as PublicTest, whose figures flatter where several show one person"
        log.warning(f"no set has a test split: {held_out} of {len(data)} Training rows are {told}")
    return split


def weighted_path(text: str) -> tuple[Path, float]:
    """Parse a path with an optional weight, such as mine@2.0; a path that exists is one whole."""
    path, _, number = text.rpartition("@")
    try:
        weight = float(number)
    except ValueError:
        path = ""  # an @ in the path, whose absence the loader reports
    if not path or Path(text).exists():
        return Path(text), 1.0
    if not 0 < weight < math.inf:
        raise ArgumentTypeError(f"expected a weight above 0, found {number!r}")
    return Path(path), weight


def image_size(text: str) -> tuple[int, int]:
    """Parse a width and a height, such as 160x120."""
    width, _, height = text.partition("x")
    if width.isdecimal() and height.isdecimal() and int(width) > 0 and int(height) > 0:
        return int(width), int(height)
    raise ArgumentTypeError(f"expected a size such as 160x120, found {text!r}")


def clear_forced(options: Namespace, folder: Path) -> None:
    """Remove a training from a folder, by `--force`; ConfigError where it holds something else."""
    if options.force and folder.exists():
        if any(folder.iterdir()) and not (folder / run_dir.RECIPE).exists():
            raise ConfigError(f"{folder}: holds no training, so --force leaves it alone")
        shutil.rmtree(folder)


def write_report(path: Path, report: msgspec.Struct) -> None:
    """Write a report, and the folder for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    print(f"wrote {path}")
