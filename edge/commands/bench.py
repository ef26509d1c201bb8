"""`emotiond bench`: speed of models, detectors and the whole daemon on this machine."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import Progress

from edge.bench import runner
from edge.bench.measurement import BenchPlan
from edge.bench.report import (
    WIDE,
    compare,
    find_comparable,
    format_change,
    plot,
    print_result,
)
from edge.bench.schema import Result, read_result
from edge.commands.common import count, number, write_output
from edge.errors import EmotiondError, ExitCode

PARTS = ("models", "pipeline", "live")

STDOUT = Path("-")

LIMIT = 1.25
"""Multiple of the cost before, above which a comparison fails."""

QUICK: dict[str, Any] = {"seconds": 0.2, "frames": 60}
"""Fields of the plan for a tenth of the time, good only for coarse comparisons."""


def add_bench_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "files", type=Path, nargs="*", metavar="MODEL", help=".tflite or .keras; default: all"
    )
    parser.add_argument(
        "--detector", action="append", default=[], metavar="KIND", help="default: all at hand"
    )
    parser.add_argument("--film", type=Path, help="what the stages see; default: the built-in clip")
    parser.add_argument("--rounds", type=count, help="measurements of each; default: 3")
    parser.add_argument("--quick", action="store_true", help="coarse, and ten times as fast")
    parser.add_argument("--only", choices=PARTS, action="append", help="measure this part alone")
    parser.add_argument(
        "--live", type=number, metavar="FPS", help="also watch a stream of so many frames a second"
    )
    parser.add_argument("--seconds", type=number, default=60.0, help="for how long; default: 60")
    parser.add_argument(
        "--json",
        type=Path,
        nargs="?",
        const=STDOUT,
        metavar="FILE.json",
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
    parser.add_argument("--limit", type=number, default=LIMIT, help=text)


def bench(options: argparse.Namespace) -> ExitCode:
    """Measure what was asked for, write it, and compare it with former results."""
    # `--json model.tflite` is easily typed, and would overwrite a model.
    for name, path, suffix in (("json", options.json, ".json"), ("plot", options.plot, ".png")):
        if path not in (None, STDOUT) and path.suffix != suffix:
            raise EmotiondError(f"--{name}: expected a file ending in {suffix}, found {path}")
    old = [read_result(path) for path in options.compare]  # before minutes are spent
    plan = BenchPlan(
        files=tuple(options.files),
        detectors=tuple(options.detector),
        video=options.film,
        parts=tuple(options.only or ["models", "pipeline", *(["live"] if options.live else [])]),
        rounds=options.rounds or (1 if options.quick else 3),
        live_fps=options.live or 30.0,
        live_seconds=options.seconds,
        **(QUICK if options.quick else {}),
    )
    result = runner.run_bench(plan, _progress())
    _write(options, result)
    return _compare(result, old, options.limit) if old else ExitCode.OK


def _progress() -> runner.Progress:
    """Return a callback that draws a bar on a terminal, and nothing elsewhere."""
    console = Console(file=sys.stderr)
    bar = Progress(console=console, disable=not console.is_terminal, transient=True)
    task = bar.add_task("measuring", total=None)

    def show(done: int, total: int) -> None:
        bar.update(task, completed=done, total=total)
        if done == 0:
            bar.start()
        elif done == total:
            bar.stop()

    return show


def _write(options: argparse.Namespace, result: Result) -> None:
    if options.plot:
        write_output(options.plot, plot(result))
    text = msgspec.json.format(msgspec.json.encode(result), indent=2).decode() + "\n"
    if options.json == STDOUT:
        print(text, end="")
        return
    if options.json:
        write_output(options.json, text.encode())
    console = Console()
    print_result(result, console if console.is_terminal else Console(width=WIDE))


def _compare(result: Result, old_results: Sequence[Result], limit: float) -> ExitCode:
    old = find_comparable(result, old_results)
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
    for change in changes:
        print(format_change(change, limit), file=sys.stderr)
    slow = [change for change in changes if change.normalized > limit]
    if slow:
        text = f"{len(slow)} of {len(changes)} cost more than {limit:g} times as before"
        raise EmotiondError(text)
    return ExitCode.OK
