"""`emotiond`: the command line; a subcommand's module in `edge.commands` is imported to run it."""

import argparse
import importlib
import logging
import os
import sys
from collections.abc import Sequence

from edge import __version__
from edge.errors import EmotiondError, ExitCode
from edge.logging_setup import configure_logging, print_error
from edge.paths import service_environment

log = logging.getLogger(__name__)

COMMANDS = {
    "run": "watch the source of the config and publish events",
    "image": "say which expression each face in pictures shows",
    "video": "see every frame of films: events, annotated copies, timelines, a summary",
    "report": "make a page of recorded events: timeline, shares, durations; it holds no picture",
    "check": "say whether a config and its model are sound; touch no camera",
    "doctor": (
        "look at this machine and what the config needs: what is wrong, and what to do about it"
    ),
    "watch": "show the events of one device or all, live, until Ctrl-C",
    "replay": (
        "publish the events of a file again, to the MQTT sinks of the config, with no camera"
    ),
    "homeassistant": "look after what Home Assistant knows of the device",
    "collect": "write pictures of faces that show one expression, for a training",
    "calibrate": "watch one person look neutral, and write what corrects the model for that face",
    "models": "obtain networks that others published",
    "bench": "measure models, detectors and the whole daemon on this machine",
    "demo": "show the daemon at work on a built-in clip, with a built-in broker",
}
"""Each subcommand and its help. Its module `edge.commands.NAME` has `add_arguments(parser)`, and
`run(options)`, which returns the exit code."""

INTERRUPTED = 130
"""What a shell reports of a command that ended by Ctrl-C."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; return the exit code.

    Errors addressed to the user are printed as one line, without a traceback.

    Raises:
        ImportError: a package that the subcommand needs cannot be imported.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    _set_library_environment()
    options = _parser(arguments).parse_args(arguments)
    configure_logging()
    if "config" in options:  # state and secrets are looked for where that config's service does
        for name, value in service_environment(options.config).items():
            os.environ.setdefault(name, value)
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


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser, with the options of the one subcommand that the arguments name."""
    chosen = next((text for text in arguments if not text.startswith("-")), None)
    parser = argparse.ArgumentParser(
        prog="emotiond", description="Sees which expression each face shows, and says so over MQTT."
    )
    parser.add_argument("--version", action="version", version=f"emotiond {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        if name == chosen:
            module = importlib.import_module(f"edge.commands.{name}")
            module.add_arguments(command)
            command.set_defaults(command=module.run)
    return parser


def _set_library_environment() -> None:
    """Set what libraries take from the environment, before there is a second thread.

    One that changes the environment while another looks a host name up may end the process: the C
    library reads it there, and nothing guards it (setenv(3)).
    """
    # OpenCV and FFmpeg repeat themselves at every retry; the daemon says it once.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    # Seconds; it would wait ten for a silent camera.
    os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "2")
    # The preview's library greets on stdout.
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
