"""Measurements: `emotiond-convert evaluate` and `inspect`."""

import argparse
from pathlib import Path
from typing import Any

from converter.commands.options import add_data, load_data, names, require_extra, write_json
from converter.data import ALL, Dataset, Usage
from converter.data.dataset import RowIndices, check_dataset
from converter.data.label_sets import LabelProtocol
from converter.evaluate.predictor import Predictor, open_keras, open_tflite
from edge.commands.common import add_subcommand
from edge.errors import ConfigError

EXAMPLES = 5
"""Rows named beside each count; row 0 is the first image of the first set."""


def add_commands(commands: Any) -> None:
    """Add the subcommands that measure a model, and that check datasets."""
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
    parser.add_argument(
        "--usage",
        choices=(*map(str, Usage), ALL),
        default="PublicTest",
        help="split; default: %(default)s",
    )
    parser.add_argument(
        "--protocol",
        choices=("labels", "ferplus"),
        default="labels",
        help="the truth: the data's labels, or the majority of FER+'s votes; default: %(default)s",
    )
    parser.add_argument("--json", type=Path, help="file for the report")
    parser.add_argument("--plot", type=Path, help=".png of it; default: beside the report")
    add_data(parser)
    text = "count classes, copies and images of no face; needs no TensorFlow"
    add_data(add_subcommand(commands, "inspect", _inspect, text))


def _evaluate(options: argparse.Namespace) -> None:
    reports = require_extra("evaluate", "converter.evaluate.report")
    predictor = _open_model(options)
    protocol = LabelProtocol(options.protocol)
    report = reports.evaluate(predictor, load_data(options), options.usage, protocol)
    print(reports.summarize(report))
    if options.json:
        write_json(options.json, report)
        print(f"wrote {options.json}")
    plot = options.plot or (options.json and options.json.with_suffix(".png"))
    if plot:
        plots = require_extra("evaluate", "converter.evaluate.plots")
        plot.parent.mkdir(parents=True, exist_ok=True)
        plots.draw_report(report, plot)
        print(f"wrote {plot}")


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
    _print_rows("rows that repeat an earlier image", checks.duplicates)
    _print_rows("rows of one gray", checks.constant)
    _print_rows("rows that all ten FER+ taggers called no face", checks.not_a_face)
    for (usage, other), rows in checks.shared.items():
        _print_rows(f"rows of {usage} that repeat an image of {other}", rows)
    groups = [", ".join(map(str, group)) for group in checks.conflicts]
    _print_found("images that stand in rows with different labels", groups, "; ")


def _print_rows(what: str, rows: RowIndices) -> None:
    _print_found(what, list(map(str, rows)), ", ")


def _print_found(what: str, found: list[str], between: str) -> None:
    such_as = f", such as {between.join(found[:EXAMPLES])}" if found else ""
    print(f"{what}: {len(found)}{such_as}")
