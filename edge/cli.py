"""`emotiond`: the daemon's command line; `commands` holds what it can do."""

import argparse
import logging
import os
from collections.abc import Sequence

import cv2

from edge import __version__
from edge.commands import (
    bench,
    calibrate,
    check,
    collect,
    demo,
    doctor,
    homeassistant,
    image,
    models,
    replay,
    report,
    run,
    video,
    watch,
)
from edge.commands.options import enter_service
from edge.errors import EmotiondError, ExitCode
from edge.logging_setup import configure_logging, print_error

log = logging.getLogger(__name__)

COMMANDS = (
    run,
    image,
    video,
    report,
    check,
    doctor,
    watch,
    replay,
    homeassistant,
    collect,
    calibrate,
    models,
    bench,
    demo,
)

INTERRUPTED = 130
"""What a shell reports of a command that ended by Ctrl-C."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; return the exit code.

    Errors addressed to the user are printed as one line, without a traceback.
    """
    options = _parser().parse_args(arguments)
    configure_logging()
    _set_libraries()
    enter_service(options)
    try:
        return int(options.command(options))
    except EmotiondError as error:
        print_error(str(error))
        return int(error.exit_code)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception:
        log.exception("a fault of the program")
        return int(ExitCode.FAULT)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="emotiond", description="Sees which expression each face shows, and says so over MQTT."
    )
    parser.add_argument("--version", action="version", version=f"emotiond {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return parser


def _set_libraries() -> None:
    """Set what libraries take from the environment, before there is a second thread.

    One that changes the environment while another looks a host name up may end the process: the C
    library reads it there, and nothing guards it (setenv(3)).
    """
    # OpenCV and FFmpeg repeat themselves at every retry; the daemon says it once.
    if hasattr(cv2, "setLogLevel"):  # up to 4.11, which tflite-runtime and mediapipe need
        cv2.setLogLevel(0)
    else:
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")  # of processes that this one starts
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    # Seconds; it would wait ten for a silent camera.
    os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "2")
    # The preview's library greets on stdout.
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
