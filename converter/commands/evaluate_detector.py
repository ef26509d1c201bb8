"""`emotiond-convert evaluate-detector`: judge detectors by photographs."""

import argparse
from pathlib import Path
from typing import Any

import msgspec

from converter.commands.extras import needs
from converter.commands.options import picture_size
from converter.detector.annotations import Split, of_split, read_annotations
from converter.detector.evaluate import (
    REFERENCE_SIZE,
    DetectorVariant,
    available_variants,
    evaluate_detectors,
    parse_variant,
)
from converter.detector.report import DetectorReport, build_report, plot_report, summarize
from edge.commands.common import add_subcommand


def add(commands: Any) -> None:
    """Add the subcommand."""
    text = "judge detectors by photographs with boxes: average precision, false faces, time"
    parser = add_subcommand(commands, "evaluate-detector", _run, text)
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        help="photographs with boxes of faces; its test split is used",
    )
    parser.add_argument(
        "--detector",
        action="append",
        help="a kind, or settings as in a config, '{kind: yunet, model: my.onnx}'; may be given "
        "several times; default: every detector at hand",
    )
    parser.add_argument(
        "--size",
        type=picture_size,
        default=REFERENCE_SIZE,
        metavar="WxH",
        help="what each picture is fitted into to be searched; faces are measured in "
        "320x240 whatever is searched; default: 320x240",
    )
    parser.add_argument("--json", type=Path, help="file for the report")
    parser.add_argument("--picture", type=_png, help="file for the curves, .png")
    parser.add_argument("--markdown", action="store_true", help="print the tables as markdown")


def _run(options: argparse.Namespace) -> None:
    if options.picture:
        needs("evaluate", "converter.evaluate.plots")  # before the work of minutes
    images = of_split(read_annotations(options.data), Split.TEST)
    results = evaluate_detectors(_variants(options.detector), images, options.size)
    judged = build_report(f"{options.data.name} test", results, images, options.size)
    print(summarize(judged, options.markdown))
    if options.json:
        _write(judged, options.json)
    if options.picture:
        options.picture.parent.mkdir(parents=True, exist_ok=True)
        plot_report(judged, options.picture)
        print(f"wrote {options.picture}")


def _variants(texts: list[str] | None) -> list[DetectorVariant]:
    """Return the detectors asked for, or all that are at hand."""
    return [parse_variant(text) for text in texts] if texts else list(available_variants(print))


def _write(judged: DetectorReport, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(judged)) + b"\n")
    print(f"wrote {path}")


def _png(text: str) -> Path:
    """Parse the path of a picture."""
    if Path(text).suffix == ".png":
        return Path(text)
    raise argparse.ArgumentTypeError(f"expected a file that ends in .png, found {text!r}")
