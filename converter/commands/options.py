"""Shared parts of subcommands: options for faces and folders, imports of optional packages."""

import argparse
import logging
import math
import os
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import msgspec

from converter.data import Dataset, concatenate, is_fer2013_csv, open_dataset
from converter.train import run_dir
from edge.detect import BuiltinSettings, open_detector
from edge.errors import ConfigError, DataError
from edge.installation import extra_remedy

log = logging.getLogger(__name__)


def require_extra(extra: Literal["evaluate", "convert"], module: str) -> Any:
    """Import a module that needs an extra.

    Raises:
        ConfigError: the extra is not installed.
    """
    # TensorFlow leaves oneDNN's kernels off on CPUs without AVX-512; a step of `shallow` took
    # 0.92 s without and 0.52 s with them on two Zen 3 cores (2026-11-29).
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # its errors alone
    try:
        return import_module(module)
    except ImportError as error:
        raise ConfigError(
            f"this needs the extra {extra!r} ({error}); {extra_remedy(extra)}"
        ) from error


def add_data(parser: argparse.ArgumentParser, required: bool = True) -> None:
    """Add the options that name the faces."""
    parser.add_argument(
        "--data",
        type=weighted_path,
        action="append",
        required=required,
        metavar="PATH[@WEIGHT]",
        help="a csv or a folder of labeled faces (docs/datasets.md lists the forms), and how much "
        "each of its rows counts, 1 if not said; may be given several times",
    )
    add_data_forms(parser)


def add_data_forms(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how the faces lie in the data."""
    parser.add_argument("--votes", type=Path, help="FER+'s fer2013new.csv, beside fer2013.csv")
    parser.add_argument(
        "--crop",
        action="store_true",
        help="in folders of whole images, detect each face and crop it as the daemon does",
    )


def load_data(options: argparse.Namespace) -> Dataset:
    """Read the faces that `add_data`'s options name, all of them as one.

    Where no set has PublicTest rows, one in five Training rows becomes one.

    Raises:
        DataError: a set cannot be read, or an option is for a form that none of them has.
    """
    paths = [path for path, _ in options.data]
    voted = {path for path in paths if is_fer2013_csv(path)}
    if options.votes is not None and not voted:
        raise DataError(f"{options.votes}: belongs beside fer2013.csv; give that as --data too")
    if options.crop and not any(path.is_dir() for path in paths):
        raise DataError("--crop: expected a folder of whole images as --data; a csv holds crops")
    detector = open_detector(BuiltinSettings()) if options.crop else None
    data = concatenate(
        [
            open_dataset(path, options.votes if path in voted else None, detector).weighted(weight)
            for path, weight in options.data
        ]
    )
    split = data.with_public_test()
    if held_out := int((split.usage != data.usage).sum()):
        log.warning(
            f"no set has a test split: {held_out} of {len(data)} Training rows are held out as "
            "PublicTest; where several show one person, its figures flatter"
        )
    return split


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


def image_size(text: str) -> tuple[int, int]:
    """Parse a width and a height, such as 160x120."""
    width, _, height = text.partition("x")
    if width.isdecimal() and height.isdecimal() and int(width) > 0 and int(height) > 0:
        return int(width), int(height)
    raise argparse.ArgumentTypeError(f"expected a size such as 160x120, found {text!r}")


def clear_forced(options: argparse.Namespace) -> None:
    """Remove a training from the folder `--out`, where `--force` is given.

    Raises:
        ConfigError: the folder holds something else.
    """
    if options.force and options.out.exists():
        run_dir.remove_run_dir(options.out)


def write_json(path: Path, record: msgspec.Struct) -> None:
    """Write a report, and the folder for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(record)) + b"\n")
