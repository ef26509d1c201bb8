"""Measurements: `emotiond-convert evaluate` and `inspect`."""

import argparse
from pathlib import Path
from typing import Any

from converter.commands.options import add_data, load_data, write_report
from converter.data.dataset import ALL, Usage, check_dataset
from converter.data.label_sets import LabelProtocol
from converter.evaluate.predictor import open_keras, open_tflite
from edge.commands.common import add_subcommand
from edge.errors import ConfigError


def add_commands(commands: Any) -> None:
    """Add the subcommands that measure a model, and that check datasets."""
    text = "measure a model: accuracy, calibration, confusion; a .tflite needs no TensorFlow"
    parser = add_subcommand(commands, "evaluate", _evaluate, text)
    add = parser.add_argument
    add(
        "--model",
        type=Path,
        required=True,
        help="a .tflite, a .keras, or the name of a shipped model",
    )
    add("--labels", help="of a .keras without recipe.json: angry,happy,...")
    splits = *map(str, Usage), ALL
    add("--usage", choices=splits, default="PublicTest", help="split; default: %(default)s")
    text = "the truth: the data's labels, or the majority of FER+'s votes; default: %(default)s"
    add("--protocol", choices=("labels", "ferplus"), default="labels", help=text)
    add("--json", type=Path, help="file for the report")
    add("--plot", type=Path, help=".png of it; default: beside the report")
    add_data(parser)
    text = "count classes, copies and images of no face; needs no TensorFlow"
    add_data(add_subcommand(commands, "inspect", _inspect, text))


def _evaluate(options: argparse.Namespace) -> None:
    from converter.evaluate import report as reports

    if options.model.suffix == ".keras":
        predictor = open_keras(options.model, options.labels and tuple(options.labels.split(",")))
    elif options.labels:
        raise ConfigError("--labels is for a .keras alone; a .tflite has its labels in its card")
    else:
        predictor = open_tflite(options.model)
    protocol = LabelProtocol(options.protocol)
    report = reports.evaluate(predictor, load_data(options), options.usage, protocol)
    print(reports.summarize(report))
    if options.json:
        write_report(options.json, report)
    if plot := options.plot or (options.json and options.json.with_suffix(".png")):
        from converter.evaluate import plots

        plot.parent.mkdir(parents=True, exist_ok=True)
        plots.draw_report(report, plot)
        print(f"wrote {plot}")


def _inspect(options: argparse.Namespace) -> None:
    print(*check_dataset(load_data(options)), sep="\n")
