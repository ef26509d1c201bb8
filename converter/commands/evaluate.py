"""`emotiond-convert evaluate`: measure a model."""

import argparse
from pathlib import Path
from typing import Any

import msgspec

from converter.commands.extras import needs
from converter.commands.options import add_data, load_data, names
from edge.commands.common import add_subcommand
from edge.errors import ConfigError


def add(commands: Any) -> None:
    """Add the subcommand."""
    text = "measure a model: accuracy, calibration, confusion; a .tflite needs no TensorFlow"
    parser = add_subcommand(commands, "evaluate", _run, text)
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


def _run(options: argparse.Namespace) -> None:
    report_module = needs("evaluate", "converter.evaluate.report")
    protocol = needs("evaluate", "converter.evaluate.selection").Protocol(options.protocol)
    predictor = _open(options)
    report = report_module.evaluate(predictor, load_data(options), options.usage, protocol)
    print(needs("evaluate", "converter.evaluate.summary").summarize(report))
    for path in _write(report, options):
        print(f"wrote {path}")


def _open(options: argparse.Namespace) -> Any:
    if options.model.suffix == ".keras":
        return needs("convert", "converter.evaluate.keras_predictor").open_keras(
            options.model, options.labels
        )
    if options.labels:
        raise ConfigError("--labels is for a .keras alone; a .tflite has its labels in its card")
    return needs("evaluate", "converter.evaluate.predictor").open_tflite(options.model)


def _write(report: Any, options: argparse.Namespace) -> list[Path]:
    """Write the report and its pictures, where they are asked for; return the files."""
    written = []
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
        written.append(options.json)
    folder = options.pictures or (options.json.parent if options.json else None)
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        stem = options.json.stem if options.json else report.model
        written += needs("evaluate", "converter.evaluate.plots").draw_report(report, folder, stem)
    return written
