"""`emotiond bench`: how fast models, detectors and the whole daemon are on this machine."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from edge.commands.common import add_subcommand
from edge.commands.options import amount, count
from edge.commands.outputs import write_output
from edge.errors import EmotiondError, ExitCode

PARTS = ("models", "pipeline", "live")

STDOUT = Path("-")

LIMIT = 1.25
"""Times the cost before, above which a comparison fails."""

QUICK = {"threads": (1,), "batches": (1,), "seconds": 0.2, "frames": 60}
"""What takes a tenth of the time, and is only good for coarse comparisons."""


def add(commands: Any) -> None:
    """Add the subcommand."""
    text = "measure models, detectors and the whole daemon on this machine"
    parser = add_subcommand(commands, "bench", _run, text)
    parser.add_argument(
        "files", type=Path, nargs="*", metavar="MODEL", help=".tflite or .keras; default: all"
    )
    parser.add_argument("--detector", action="append", metavar="KIND", help="default: all at hand")
    parser.add_argument("--film", type=Path, help="what the stages see; default: the built-in clip")
    parser.add_argument("--threads", type=count, nargs="+", help="of interpreters; default: 1 2")
    parser.add_argument("--batch", type=count, nargs="+", help="faces in a call; default: 1 8")
    parser.add_argument("--rounds", type=count, help="turns of each contender; default: 3")
    parser.add_argument("--quick", action="store_true", help="coarse, and ten times as fast")
    parser.add_argument("--only", choices=PARTS, action="append", help="measure this part alone")
    parser.add_argument(
        "--live", type=amount, metavar="FPS", help="also watch a stream of so many frames a second"
    )
    parser.add_argument("--seconds", type=amount, default=60.0, help="for how long; default: 60")
    _add_outputs(parser)


def _add_outputs(parser: argparse.ArgumentParser) -> None:
    for kind, suffix in (("json", ".json"), ("csv", ".csv"), ("markdown", ".md")):
        parser.add_argument(
            f"--{kind}",
            type=Path,
            nargs="?",
            const=STDOUT,
            metavar=f"FILE{suffix}",
            help="write it there; without a file, print it instead of the table",
        )
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="draw it")
    parser.add_argument(
        "--compare",
        type=Path,
        action="append",
        default=[],
        metavar="OLD.json",
        help="print ratios to it; of several, to the first from a CPU with the same features",
    )
    text = "with --compare: fail where anything costs more than so many times; default: %(default)s"
    parser.add_argument("--limit", type=amount, default=LIMIT, help=text)


def _run(options: argparse.Namespace) -> ExitCode:
    from edge.bench.runner import bench
    from edge.bench.schema import read_result

    _check_outputs(options)
    former = [read_result(path) for path in options.compare]  # before minutes are spent
    result = bench(_plan(options), _progress())
    _write(options, result)
    return _compare(result, former, options.limit) if former else ExitCode.OK


def _plan(options: argparse.Namespace) -> Any:
    from edge.bench.contest import Extent
    from edge.bench.runner import Plan

    extent = Extent(files=tuple(options.files), film=options.film)
    chosen: dict[str, object] = dict(QUICK) if options.quick else {}
    if options.detector:
        chosen["detectors"] = tuple(options.detector)
    if options.threads:
        chosen["threads"] = tuple(options.threads)
    if options.batch:
        chosen["batches"] = tuple(options.batch)
    parts = options.only or ["models", "pipeline", *(["live"] if options.live else [])]
    return Plan(
        extent=msgspec.structs.replace(extent, **chosen),
        parts=tuple(parts),
        rounds=options.rounds or (1 if options.quick else 3),
        live_fps=options.live or 30.0,
        live_seconds=options.seconds,
    )


def _check_outputs(options: argparse.Namespace) -> None:
    """Refuse what would be written over a model: `--json model.tflite` is easily typed.

    Raises:
        EmotiondError: a file has another ending than what would be written.
    """
    for kind, suffix in (("json", ".json"), ("csv", ".csv"), ("markdown", ".md"), ("plot", ".png")):
        path = getattr(options, kind)
        if path is not None and path != STDOUT and path.suffix != suffix:
            raise EmotiondError(f"--{kind}: expected a file ending in {suffix}, found {path}")
    printed = [kind for kind in ("json", "csv", "markdown") if getattr(options, kind) == STDOUT]
    if len(printed) > 1:
        raise EmotiondError(f"--{' and --'.join(printed)}: only one can be printed; name files")


def _progress() -> Any:
    """Return who is told how far it is: a bar on a terminal, nobody elsewhere."""
    from rich.console import Console
    from rich.progress import Progress as Bar

    from edge.bench.runner import Progress

    console = Console(file=sys.stderr)
    bar = Bar(console=console, disable=not console.is_terminal, transient=True)
    task = bar.add_task("measuring", total=None)

    def expect(steps: int) -> None:
        bar.update(task, total=steps)
        bar.start()

    def step() -> None:
        bar.advance(task)
        if bar.finished:
            bar.stop()

    return Progress(expect, step)


def _write(options: argparse.Namespace, result: Any) -> None:
    from rich.console import Console

    from edge.bench.format import WIDE, comma_separated, markdown, print_result
    from edge.bench.plot import plot

    makers: dict[str, Callable[[], str]] = {
        "json": lambda: msgspec.json.format(msgspec.json.encode(result), indent=2).decode() + "\n",
        "csv": lambda: comma_separated(result),
        "markdown": lambda: markdown(result),
    }
    if options.plot:
        write_output(options.plot, plot(result))
    printed = False
    for kind, make in makers.items():
        path = getattr(options, kind)
        if path == STDOUT:
            print(make(), end="")
            printed = True
        elif path is not None:
            write_output(path, make().encode())
    if not printed:
        console = Console()
        print_result(result, console if console.is_terminal else Console(width=WIDE))


def _compare(result: Any, former: Sequence[Any], limit: float) -> ExitCode:
    from edge.bench.compare import change_lines, choose, compare, too_slow

    old = choose(result, former)
    if old is None:
        print(
            "not compared: none was measured on a CPU with the features of this one, "
            f"{', '.join(result.machine.features) or 'none'}",
            file=sys.stderr,
        )
        return ExitCode.OK
    changes = compare(result, old)
    if not changes:
        raise EmotiondError("--compare: the two results have no row in common")
    print("\ntimes the cost before, as multiples of the reference computation:", file=sys.stderr)
    for line in change_lines(changes, limit):
        print(line, file=sys.stderr)
    slow = too_slow(changes, limit)
    if not slow:
        return ExitCode.OK
    raise EmotiondError(f"{len(slow)} of {len(changes)} cost more than {limit:g} times as before")
