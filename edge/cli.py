"""`emotiond`: one short function a subcommand."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2

from edge import __version__
from edge.assets import asset
from edge.config import load_config
from edge.errors import EmotiondError, ExitCode
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
    for name, command, text in (
        ("run", _run, "watch the source of the config and publish events"),
        ("check", _check, "say whether a config and its model are sound; touch no camera"),
        ("demo", _demo, "show the daemon at work on a built-in clip, with a built-in broker"),
    ):
        subcommand = commands.add_parser(name, help=text, description=text)
        subcommand.set_defaults(command=command)
        if command is not _demo:
            subcommand.add_argument(
                "--config",
                type=Path,
                default=asset("config") / "emotiond.yaml",
                help="YAML file; default: %(default)s",
            )
    return parser


def _run(options: argparse.Namespace) -> ExitCode:
    return daemon.run(load_config(options.config))


def _check(options: argparse.Namespace) -> ExitCode:
    config = load_config(options.config)
    build_pipeline(config)
    print(f"{options.config}: sound; it uses the model {config.classifier.model.name}")
    return ExitCode.OK


def _demo(options: argparse.Namespace) -> ExitCode:
    from edge.demo.show import show  # the broker's package is an extra

    return show()


def _log_to_stderr() -> None:
    # The journal stamps each line itself.
    stamp = "" if "JOURNAL_STREAM" in os.environ else "%(asctime)s "
    logging.basicConfig(level=logging.INFO, format=f"{stamp}%(levelname)s %(message)s")
    # OpenCV and FFmpeg repeat themselves at every retry; the daemon says it once.
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
