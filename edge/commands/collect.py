"""`emotiond collect`: labeled face images for a dataset of one's own."""

import argparse
from collections.abc import Iterable
from contextlib import closing
from itertools import islice
from pathlib import Path

from edge.capture import open_source
from edge.commands.common import add_config, add_source, chosen_source, count
from edge.config import load_config
from edge.detect import open_detector
from edge.errors import ExitCode, InputError
from edge.offline.dataset_recorder import record_faces
from edge.types import EXPRESSIONS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_config(parser)
    parser.add_argument("--label", choices=EXPRESSIONS, required=True, help="what the faces show")
    parser.add_argument("--out", type=Path, required=True, help="folder of the set")
    add_source(parser)
    parser.add_argument("--count", type=count, help="how many pictures; default: until the end")


def run(options: argparse.Namespace) -> ExitCode:
    """Write face images until there are enough, the source ends, or Ctrl-C."""
    config = load_config(options.config)
    settings = chosen_source(options, config)
    folder = options.out / options.label
    print(f"{folder}: pictures of whoever is in view will be written here; Ctrl-C ends", flush=True)
    with closing(open_source(settings)) as source:
        paths = record_faces(source, open_detector(config.detector), folder)
        written = _show_progress(islice(paths, options.count), options.count)
    if written == 0:
        raise InputError("expected a face to write, found none; is one in view, and well lit?")
    return ExitCode.OK


def _show_progress(paths: Iterable[Path], count: int | None) -> int:
    """Print each file as it is written, until the end or Ctrl-C; return how many there were."""
    written, of_all = 0, f" of {count}" if count else ""
    try:
        for written, path in enumerate(paths, start=1):
            print(f"{path}: picture {written}{of_all}", flush=True)
    except KeyboardInterrupt:
        print("ended by Ctrl-C")
    print(f"wrote {written} pictures")
    return written
