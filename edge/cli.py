"""`emotiond`: the command line; a subcommand's module in `edge.commands` is imported to run it."""

import argparse
import importlib
import logging
import os
import re
import resource
import sys
from collections.abc import Sequence
from typing import Any

from edge import __version__
from edge.errors import ConfigError, EmotiondError, ExitCode
from edge.paths import service_environment
from edge.terminal import OutputClosed, configure_logging, flush_output, print_error

log = logging.getLogger(__name__)

GROUPS = {
    "run": {
        "run": ("daemon", "find faces in the configured source and publish their expressions"),
        "app": ("app", "open the page in a browser, and run for as long as it is wanted"),
        "demo": ("demo", "run the daemon once on the built-in video, with a built-in MQTT broker"),
        "watch": ("events", "show the events of one device, or of all, until Ctrl-C"),
    },
    "files": {
        "image": ("files", "find the faces in image files and name the expression of each"),
        "video": ("files", "process video files: events, annotated copies, timelines, a summary"),
        "report": ("events", "make an HTML page of recorded events; it contains no image"),
        "replay": ("events", "publish recorded events again, to the MQTT brokers of the config"),
    },
    "service": {
        "check": ("daemon", "check a config and the model it names, without opening the camera"),
        "config": ("config", "show the settings that hold, or begin a config"),
        "completion": ("config", "print what lets a shell complete commands and options"),
        "doctor": ("daemon", "check this machine and everything the config names, with remedies"),
        "audit": ("audit", "list what leaves this machine and what is stored; notice, assessment"),
        "forget": ("audit", "delete recorded events and images"),
        "homeassistant": ("daemon", "remove the device from Home Assistant"),
    },
    "models": {
        "models": ("models", "download detector models"),
        "collect": ("models", "record face images of one expression, for training"),
        "calibrate": ("models", "learn one person's face, to correct the model for it"),
        "bench": ("bench", "measure models, detectors and the whole daemon on this machine"),
    },
}
"""Each subcommand by its group, with its module in `edge.commands` and its help. The module has
functions `add_NAME_arguments(parser)` and `NAME(options)`, which returns the exit code."""

COMMANDS = {name: entry for group in GROUPS.values() for name, entry in group.items()}

INTERRUPTED, OUTPUT_CLOSED = 130, 141  # a shell's codes of Ctrl-C, and of an output that was closed
MIN_ADDRESS_SPACE = 1_200_000_000
"""Bytes that a process must be able to ask for: the daemon with page and stream asks for 1.1 GB on
two cores (2026-11-29), and without them OpenCV ends by a signal as it is imported."""


class ArgumentParser(argparse.ArgumentParser):
    """Parser whose options take values that begin with a dash and a digit, as `--input -1..1`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._negative_number_matcher = re.compile(r"-\d")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; return the exit code. Errors addressed to the user are one line."""
    try:
        try:
            return _run(sys.argv[1:] if arguments is None else arguments)
        finally:
            flush_output()  # help and version, too
    except OutputClosed:
        return OUTPUT_CLOSED
    except EmotiondError as error:
        print_error(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except ImportError as error:
        return _report_packages(error)
    except Exception:
        log.exception("a fault of the program")
        return ExitCode.FAULT


def _run(arguments: Sequence[str]) -> int:
    # What libraries take from the environment, before a second thread can read it. OpenCV and
    # FFmpeg repeat themselves at every retry; the daemon says it once.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    # OpenCV and numpy bring one each, which starts threads that nothing here has work for.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Seconds; it would wait ten for a silent camera.
    os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "2")
    # No core dump of this process or its children: it would hold images and secrets. A limit of one
    # byte is none for Linux, of 0 not where `core_pattern` names a program.
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0 if hard == 0 else 1, hard))
    parser = _parser(arguments)
    options = parser.parse_args(arguments)
    if "command" not in options:
        parser.print_help()
        return ExitCode.USAGE
    configure_logging()
    if "config" in options:  # state and secrets are looked for where that config's service does
        for name, value in service_environment(options.config).items():
            os.environ.setdefault(name, value)
    return int(options.command(options))


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser, with the options of the one subcommand that the arguments name."""
    chosen = next((text for text in arguments if not text.startswith("-")), None)
    width = max(map(len, COMMANDS)) + 2
    groups = [
        "\n".join([f"{group}:", *(f"    {one:{width}}{text}" for one, (_, text) in names.items())])
        for group, names in GROUPS.items()
    ]
    parser = ArgumentParser(
        prog="emotiond",
        description="Finds faces in video, classifies their expressions, publishes MQTT events.",
        epilog="\n\n".join(groups),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"emotiond {__version__}")
    text = "one of the commands below; `emotiond COMMAND --help` lists its options"
    commands = parser.add_subparsers(metavar="COMMAND", help=text)
    for name, (module_name, text) in COMMANDS.items():
        command = commands.add_parser(name, description=text)
        if name == chosen:
            limit, _ = resource.getrlimit(resource.RLIMIT_AS)
            if limit != resource.RLIM_INFINITY and limit < MIN_ADDRESS_SPACE:
                expected = f"expected an address space of {MIN_ADDRESS_SPACE // 10**6} MB or more"
                remedy = "raise it (`ulimit -v`, LimitAS=), or bound what is used by MemoryMax="
                raise ConfigError(f"{expected}, found a limit of {limit // 10**6} MB; {remedy}")
            module = importlib.import_module(f"edge.commands.{module_name}")
            getattr(module, f"add_{name}_arguments")(command)
            command.set_defaults(command=getattr(module, name))
    return parser


def _report_packages(error: ImportError) -> int:
    """Print which package cannot be imported, and what the doctor would say of it."""
    from edge.doctor import check_opencv, check_python
    from edge.errors import Level

    print_error(f"a package cannot be imported: {error}")
    for result in (*check_python(), *check_opencv()):
        if result.level is not Level.OK:
            print_error(str(result))
    return ExitCode.CONFIG
