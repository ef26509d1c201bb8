"""`emotiond collect` and `emotiond calibrate`: faces of people before a camera.

`collect` writes labeled face images for a training, `calibrate` the neutral baseline of one person.
"""

import argparse
from collections.abc import Iterable
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np

from edge.capture import open_source
from edge.commands.common import add_config, add_source, chosen_source, count, number
from edge.config import load_config
from edge.detect import open_detector
from edge.errors import ExitCode, InputError
from edge.infer.calibration import Calibrator, check_writable, write_baseline
from edge.infer.classifier import NeutralBaseline, open_classifier
from edge.offline.dataset_recorder import record_faces
from edge.types import EXPRESSIONS


def add_collect_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `collect`."""
    add_config(parser)
    parser.add_argument("--label", choices=EXPRESSIONS, required=True, help="what the faces show")
    parser.add_argument("--out", type=Path, required=True, help="folder of the dataset")
    add_source(parser)
    parser.add_argument("--count", type=count, help="how many images; default: until the end")


def collect(options: argparse.Namespace) -> ExitCode:
    """Write face images until there are enough, the source ends, or Ctrl-C."""
    config = load_config(options.config)
    settings = chosen_source(options, config)
    folder = options.out / options.label
    print(f"{folder}: images of whoever is in view will be written here; Ctrl-C ends", flush=True)
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
            print(f"{path}: image {written}{of_all}", flush=True)
    except KeyboardInterrupt:
        print("ended by Ctrl-C")
    print(f"wrote {written} images")
    return written


def add_calibrate_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `calibrate`."""
    add_config(parser)
    parser.add_argument(
        "--out", type=Path, default=Path("baseline.json"), help="file; default: %(default)s"
    )
    add_source(parser)
    seconds = partial(number, maximum=3600)
    parser.add_argument(
        "--seconds", type=seconds, default=20.0, help="how long; default: %(default)g"
    )


def calibrate(options: argparse.Namespace) -> ExitCode:
    """Watch one person, and write the baseline."""
    config = load_config(options.config)
    settings = chosen_source(options, config)
    check_writable(options.out)
    # What an earlier calibration corrected must not count.
    classifier = open_classifier(msgspec.structs.replace(config.classifier, neutral_baseline=None))
    calibrator = Calibrator(open_detector(config.detector), classifier, config.quality)
    print(
        f"look at the camera, alone and with a neutral face, for {options.seconds:g} s; "
        "no image is kept",
        flush=True,
    )
    with closing(open_source(settings)) as source:
        baseline = calibrator.collect(source, options.seconds)
    write_baseline(options.out, baseline)
    print(f"{options.out}: {_summary(baseline)}")
    setting = f"classifier: {{neutral_baseline: {options.out.absolute()}}}"
    print(f"to use it, set in the config: {setting}")
    return ExitCode.OK


def _summary(baseline: NeutralBaseline) -> str:
    """Say what a baseline does to each class that it changes."""
    factors = zip(baseline.labels, np.exp(baseline.weights), strict=True)
    changed = ", ".join(f"{label} x {factor:.2f}" for label, factor in factors if factor < 0.995)
    return f"{baseline.crops} looks; {changed or 'nothing to correct'}"
