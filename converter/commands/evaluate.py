"""Measurements: `emotiond-convert evaluate` and `inspect`."""

import argparse
from pathlib import Path
from typing import Any

from converter.commands.options import add_data, load_data, names, require_extra, write_json
from converter.data import ALL, Dataset, Usage
from converter.data.dataset import check_dataset
from converter.data.label_sets import LabelProtocol
from converter.evaluate.predictor import Predictor, open_keras, open_tflite
from edge.commands.common import add_subcommand
from edge.errors import ConfigError


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
    for line in check_dataset(data):
        print(line)
