"""`emotiond calibrate`: the neutral baseline of one person."""

import argparse
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np

from edge.capture import open_source
from edge.commands.common import add_config, add_source, chosen_source
from edge.config import load_config
from edge.detect import open_detector
from edge.errors import ExitCode
from edge.infer.calibration import Calibrator, check_writable, write_baseline
from edge.infer.classifier import NeutralBaseline, open_classifier


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_config(parser)
    parser.add_argument(
        "--out", type=Path, default=Path("baseline.json"), help="file; default: %(default)s"
    )
    add_source(parser)
    parser.add_argument(
        "--seconds", type=_seconds, default=20.0, help="how long; default: %(default)g"
    )


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if 0 < seconds <= 3600:
        return seconds
    raise argparse.ArgumentTypeError(f"expected seconds above 0, at most 3600, found {text!r}")


def run(options: argparse.Namespace) -> ExitCode:
    """Watch one person, and write the baseline."""
    config = load_config(options.config)
    settings = chosen_source(options, config)
    check_writable(options.out)
    # What an earlier calibration corrected must not count.
    classifier = open_classifier(msgspec.structs.replace(config.classifier, neutral_baseline=None))
    calibrator = Calibrator(open_detector(config.detector), classifier, config.quality)
    print(
        f"look at the camera, alone and with a neutral face, for {options.seconds:g} s; "
        "no picture is kept",
        flush=True,
    )
    with closing(open_source(settings)) as source:
        baseline = calibrator.collect(source, options.seconds)
    write_baseline(options.out, baseline)
    print(f"{options.out}: {_summary(baseline)}")
    print("to use it, set in the config:")
    print(f"classifier: {{neutral_baseline: {options.out.absolute()}}}")
    return ExitCode.OK


def _summary(baseline: NeutralBaseline) -> str:
    """Say what a baseline does to each class that it changes."""
    factors = zip(baseline.labels, np.exp(baseline.weights), strict=True)
    changed = ", ".join(f"{label} x {factor:.2f}" for label, factor in factors if factor < 0.995)
    return f"{baseline.crops} looks; {changed or 'nothing to correct'}"
