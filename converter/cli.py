"""`emotiond-convert`: the training machine's command line; its subcommands are in `commands`."""

import os
import sys
from collections.abc import Sequence

from converter.commands import classifier, convert, detector
from edge import __version__
from edge.cli import INTERRUPTED, ArgumentParser
from edge.errors import EmotiondError, ExitCode
from edge.paths import extra_remedy


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; return the exit code."""
    # TensorFlow leaves oneDNN's kernels off on CPUs without AVX-512; a step of `shallow` took
    # 0.92 s without and 0.52 s with them on two Zen 3 cores (2026-11-29).
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # its errors alone
    parser = ArgumentParser(
        prog="emotiond-convert", description="Trains and quantizes the models that emotiond runs."
    )
    parser.add_argument("--version", action="version", version=f"emotiond-convert {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND")
    for module in (classifier, convert, detector):
        module.add_commands(commands)
    options = parser.parse_args(arguments)
    if "command" not in options:
        parser.print_help()
        return int(ExitCode.USAGE)
    try:
        options.command(options)
    except EmotiondError as error:
        return _fail(error, error.exit_code)
    except ImportError as error:
        missing = (error.name or "").startswith(("sklearn", "matplotlib"))
        extra = "evaluate" if missing else "convert"
        return _fail(f"needs the extra {extra!r} ({error}); {extra_remedy(extra)}", ExitCode.CONFIG)
    except OSError as error:  # a file that cannot be read or written, a disk that is full
        place = f"{error.filename}: {error.strerror}" if error.filename else error
        return _fail(place, ExitCode.FAULT)
    except KeyboardInterrupt as interrupt:  # of a training, it says how to go on
        return _fail(str(interrupt) or "stopped", INTERRUPTED)
    return int(ExitCode.OK)


def _fail(message: object, code: int) -> int:
    print(f"emotiond-convert: {message}", file=sys.stderr)
    return int(code)
