"""`emotiond-convert fit-crop`: fit a detector's boxes to the training framing."""

import argparse
from pathlib import Path
from typing import Any

from converter.commands.extras import needs
from converter.commands.options import add_data, load_data
from converter.data import Dataset, Usage
from converter.evaluate.crop_calibration import fit_crop
from edge.commands.common import add_subcommand, count
from edge.config import parse_detector
from edge.detect import Detector, open_detector


def add(commands: Any) -> None:
    """Add the subcommand."""
    text = "fit a detector's boxes to the training framing, and say what the crops cost a model"
    parser = add_subcommand(commands, "fit-crop", _run, text)
    parser.add_argument(
        "--detector",
        default="auto",
        help="its kind, or its settings as in a config, '{kind: yunet, model: my.onnx}'; "
        "default: %(default)s",
    )
    parser.add_argument("--faces", type=count, default=1000, help="how many; default: %(default)s")
    parser.add_argument(
        "--model", type=Path, help="measure this model's accuracy on crops of PublicTest as well"
    )
    add_data(parser)


def _run(options: argparse.Namespace) -> None:
    data = load_data(options)
    detector = open_detector(parse_detector(options.detector))
    faces = data.split(Usage.TRAINING).faces().drawn(options.faces, seed=0)
    report = fit_crop(detector, faces.pixels, seed=0)
    print(f"{detector.name}: {report.fit}, the one in use is {detector.crop_fit}")
    print(f"found {report.found} of {report.tried}; mean IoU of the squares {report.iou:.3f}")
    if options.model:
        _measure(detector, data, options.model)


def _measure(detector: Detector, data: Dataset, model: Path) -> None:
    """Print what the crops in use cost the model on PublicTest's faces."""
    accuracy = needs("evaluate", "converter.evaluate.crop_accuracy")
    selection = needs("evaluate", "converter.evaluate.selection")
    predictor = needs("evaluate", "converter.evaluate.predictor").open_tflite(model)
    rows = selection.select(
        data.faces(), Usage.PUBLIC_TEST, selection.Protocol.LABELS, predictor.label_set
    )
    told = accuracy.measure_crops(detector, predictor, rows, seed=1)
    print(
        f"{predictor.name} on the {told.found} of {told.tried} faces of {rows.name} it found: "
        f"{told.original:.1%} as they are, {told.cropped:.1%} as crops, "
        f"{told.upright:.1%} as crops that are not turned"
    )
