"""`emotiond`: the command line; a subcommand's module in `edge.commands` is imported to run it."""

import argparse
import importlib
import logging
import os
import sys
from collections.abc import Sequence
from typing import Any

from edge import __version__
from edge.errors import EmotiondError, ExitCode
from edge.logging_setup import configure_logging, print_error
from edge.paths import service_environment

log = logging.getLogger(__name__)

COMMANDS = {
    "run": ("daemon", "watch the configured source and publish events"),
    "image": ("image", "find the faces in images and the expression of each"),
    "video": ("video", "process video files: events, annotated copies, timelines, a summary"),
    "report": ("events", "make an HTML page of recorded events, without any image"),
    "check": ("daemon", "check a config and its model; no camera is opened"),
    "doctor": ("doctor", "check this machine and what the config needs, with remedies"),
    "watch": ("watch", "show the events of one device or all, live, until Ctrl-C"),
    "replay": ("events", "publish recorded events again, to the MQTT sinks of the config"),
    "homeassistant": ("homeassistant", "remove the device from Home Assistant"),
    "collect": ("faces", "record images of faces that show one expression, for training"),
    "calibrate": ("faces", "measure one person's neutral face, to correct the model for it"),
    "models": ("models", "download detector models that others published"),
    "bench": ("bench", "measure models, detectors and the whole daemon on this machine"),
    "demo": ("demo", "run the daemon on the built-in clip, with a built-in broker"),
}
"""Each subcommand with its module in `edge.commands` and its help. The module has a function
`add_NAME_arguments(parser)` and a function `NAME(options)`, which returns the exit code."""

INTERRUPTED = 130
"""What a shell reports of a command that ended by Ctrl-C."""


class ArgumentParser(argparse.ArgumentParser):
    """Parser whose options take values that begin with a dash, such as `--input -1..1`."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Join each option that takes one value with the word after it, as `--input=-1..1`.

        A word that is an option itself, or begins with two dashes, is no value.
        """
        words: list[str] = []
        known = self._option_string_actions
        for word in sys.argv[1:] if args is None else args:
            action = known.get(words[-1]) if words else None
            dashed = word.startswith("-") and not word.startswith("--") and word not in known
            if dashed and action is not None and action.nargs is None:
                words[-1] += f"={word}"
            else:
                words.append(word)
        return super().parse_known_args(words, namespace)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; return the exit code.

    Errors addressed to the user are printed as one line, without a traceback.

    Raises:
        ImportError: a package that the subcommand needs cannot be imported.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    _set_library_environment()
    parser = _parser(arguments)
    options = parser.parse_args(arguments)
    if "command" not in options:
        parser.print_help()
        return int(ExitCode.USAGE)
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
    parser = ArgumentParser(
        prog="emotiond",
        description="Finds faces in video, classifies their expressions, publishes MQTT events.",
    )
    parser.add_argument("--version", action="version", version=f"emotiond {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND")
    for name, (module_name, text) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        if name == chosen:
            module = importlib.import_module(f"edge.commands.{module_name}")
            getattr(module, f"add_{name}_arguments")(command)
            command.set_defaults(command=getattr(module, name))
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
