"""Measurements: `emotiond-convert evaluate`, `inspect` and `fit-crop`."""

import argparse
from pathlib import Path
from typing import Any

from converter.commands.options import add_data, load_data, names, require_extra, write_json
from converter.data import Dataset, Usage
from converter.data.dataset import RowIndices, check_dataset
from converter.data.label_sets import LabelProtocol, select_rows
from converter.evaluate.crop_calibration import fit_crop, measure_crops
from converter.evaluate.predictor import Predictor, open_keras, open_tflite
from edge.commands.common import add_subcommand, count
from edge.config import parse_detector
from edge.detect import Detector, open_detector
from edge.errors import ConfigError

EXAMPLES = 5
"""Rows named beside each count; row 0 is the first image of the first set."""


def add_evaluate(commands: Any) -> None:
    """Add the subcommand that measures a model."""
    text = "measure a model: accuracy, calibration, confusion; a .tflite needs no TensorFlow"
    parser = add_subcommand(commands, "evaluate", _evaluate, text)
    parser.add_argument(
        "--model",
        type=Path,
        required=True,
        help="a .tflite, its card beside it; a .keras; or the name of a shipped model",
    )
    parser.add_argument(
        "--labels", type=names, help="of a .keras without recipe.json: angry,happy,..."
    )
    parser.add_argument("--usage", default="PublicTest", help="split; default: %(default)s")
    parser.add_argument(
        "--protocol",
        choices=("labels", "ferplus"),
        default="labels",
        help="the truth: the data's labels, or the majority of FER+'s votes; default: %(default)s",
    )
    parser.add_argument("--json", type=Path, help="file for the report")
    parser.add_argument(
        "--pictures", type=Path, help="folder for the pictures; default: beside the report"
    )
    add_data(parser)


def add_inspect(commands: Any) -> None:
    """Add the subcommand that checks datasets."""
    text = "count classes, copies and pictures of no face; needs no TensorFlow"
    add_data(add_subcommand(commands, "inspect", _inspect, text))


def add_fit_crop(commands: Any) -> None:
    """Add the subcommand that calibrates a detector's crops."""
    text = "fit a detector's boxes to the training framing, and say what the crops cost a model"
    parser = add_subcommand(commands, "fit-crop", _fit_crop, text)
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


def _evaluate(options: argparse.Namespace) -> None:
    reports = require_extra("evaluate", "converter.evaluate.report")
    predictor = _open_model(options)
    protocol = LabelProtocol(options.protocol)
    report = reports.evaluate(predictor, load_data(options), options.usage, protocol)
    print(reports.summarize(report))
    if options.json:
        write_json(options.json, report)
        print(f"wrote {options.json}")
    images = options.pictures or (options.json.parent if options.json else None)
    if images:
        plots = require_extra("evaluate", "converter.evaluate.plots")
        images.mkdir(parents=True, exist_ok=True)
        stem = options.json.stem if options.json else report.model
        for path in plots.draw_report(report, images, stem):
            print(f"wrote {path}")


def _open_model(options: argparse.Namespace) -> Predictor:
    if options.model.suffix == ".keras":
        require_extra("convert", "keras")
        return open_keras(options.model, options.labels)
    if options.labels:
        raise ConfigError("--labels is for a .keras alone; a .tflite has its labels in its card")
    return open_tflite(options.model)


def _inspect(options: argparse.Namespace) -> None:
    print_checks(load_data(options))


def print_checks(data: Dataset) -> None:
    """Print what is in a dataset, and what is wrong with it."""
    checks = check_dataset(data)
    print(f"{checks.rows} rows")
    for usage, counts in checks.counts.items():
        classes = ", ".join(f"{label} {count}" for label, count in counts.items())
        print(f"{usage}: {sum(counts.values())} rows: {classes}")
    _print_rows("rows that repeat an earlier picture", checks.duplicates)
    _print_rows("rows of one grey", checks.constant)
    _print_rows("rows that all ten FER+ taggers called no face", checks.not_a_face)
    for (usage, other), rows in checks.shared.items():
        _print_rows(f"rows of {usage} that repeat a picture of {other}", rows)
    groups = [", ".join(map(str, group)) for group in checks.conflicts]
    _print_found("pictures that stand in rows with different labels", groups, "; ")


def _print_rows(what: str, rows: RowIndices) -> None:
    _print_found(what, list(map(str, rows)), ", ")


def _print_found(what: str, found: list[str], between: str) -> None:
    such_as = f", such as {between.join(found[:EXAMPLES])}" if found else ""
    print(f"{what}: {len(found)}{such_as}")


def _fit_crop(options: argparse.Namespace) -> None:
    data = load_data(options)
    detector = open_detector(parse_detector(options.detector))
    faces = data.split(Usage.TRAINING).without_non_faces().sample(options.faces, seed=0)
    report = fit_crop(detector, faces.pixels, seed=0)
    print(f"{detector.name}: {report.fit}, the one in use is {detector.crop_fit}")
    print(f"found {report.found} of {report.tried}; mean IoU of the squares {report.iou:.3f}")
    if options.model:
        _print_crop_accuracy(detector, data, options.model)


def _print_crop_accuracy(detector: Detector, data: Dataset, model: Path) -> None:
    """Print what the crops in use cost the model on PublicTest's faces."""
    predictor = open_tflite(model)
    rows = select_rows(
        data.without_non_faces(), Usage.PUBLIC_TEST, LabelProtocol.LABELS, predictor.label_set
    )
    found = measure_crops(detector, predictor, rows, seed=1)
    print(
        f"{predictor.name} on the {found.found} of {found.tried} faces of {rows.name} it found: "
        f"{found.original:.1%} as they are, {found.cropped:.1%} as crops, "
        f"{found.upright:.1%} as crops that are not turned"
    )
