"""`emotiond-convert fit-crop`: fit a detector's boxes to the training framing."""

import argparse
from typing import Any

import numpy as np

from converter.commands.options import add_command, add_data, count, load_data
from converter.crop_fit import fit_crop
from edge.detect import HaarSettings, open_detector


def add(commands: Any) -> None:
    """Add the subcommand."""
    text = "fit a detector's boxes to the training framing"
    parser = add_command(commands, "fit-crop", _run, text)
    parser.add_argument("--faces", type=count, default=1000, help="how many; default: %(default)s")
    add_data(parser)


def _run(options: argparse.Namespace) -> None:
    faces = load_data(options).split("Training").faces()
    chosen = np.random.default_rng(0).permutation(len(faces))[: options.faces]
    detector = open_detector(HaarSettings())
    report = fit_crop(detector, faces.pixels[chosen], seed=0)
    print(f"{detector.name}: {report.fit}")
    print(f"found {report.found} of {report.tried}; mean IoU of the squares {report.iou:.3f}")
