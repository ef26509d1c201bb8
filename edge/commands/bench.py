"""`emotiond bench`: speed of models, detectors and the whole daemon on this machine."""

import argparse
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from edge.bench import report
from edge.bench.clips import CROWD, NOBODY, ONE_FACE, clip_of
from edge.bench.measurement import run_interleaved
from edge.bench.model_bench import FLOAT_ROW, model_requests
from edge.bench.pipeline_bench import measure_live, pipeline_requests
from edge.commands import common
from edge.errors import EmotiondError, ExitCode
from edge.terminal import print_json, print_line, print_note

WHOLE, QUICK = (3, 0.5, 300), (2, 0.2, 60)  # rounds, seconds of a model, frames of the video


def add_bench_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add = parser.add_argument
    text = "a .tflite file, or the name of a shipped model; default: all shipped models"
    add("files", type=Path, nargs="*", metavar="MODEL", help=text)
    text = "measure this detector, may be repeated; default: all that are installed"
    add("--detector", action="append", default=[], metavar="KIND", help=text)
    add("--video", type=Path, help="video that the pipeline sees; default: the built-in one")
    add("--quick", action="store_true", help="measure coarsely, in seconds")
    text = "measure this part alone, may be repeated"
    add("--only", choices=report.TABLES, action="append", help=text)
    text = "also run the daemon on a stream of so many frames a second"
    add("--live", type=common.number, metavar="FPS", help=text)
    text = "with --live: how long the daemon is measured; default: %(default)g"
    add("--seconds", type=common.number, default=60.0, help=text)
    text = "write the result to a file; without a file, print it instead of the tables"
    path: dict[str, Any] = {"type": common.output_path, "metavar": "FILE.json"}
    add("--json", nargs="?", const=common.STDOUT, help=text, **path)
    add("--plot", type=Path, metavar="FILE.png", help="draw the result")
    text = "print ratios to an earlier result; of several, to the first from a similar CPU"
    add("--compare", type=Path, action="append", default=[], metavar="OLD.json", help=text)
    text = "with --compare: fail where anything costs more than so many times as before; "
    add("--limit", type=common.number, default=1.25, help=f"{text}default: %(default)s")


def bench(options: argparse.Namespace) -> ExitCode:
    """Measure what was asked for, write it, and compare it with former results."""
    # `--json model.tflite` is easily typed, and would overwrite a model.
    for name, path, suffix in (("json", options.json, ".json"), ("plot", options.plot, ".png")):
        if path not in (None, common.STDOUT) and path.suffix != suffix:
            raise EmotiondError(f"--{name}: expected a file ending in {suffix}, found {path}")
    former = [report.read_result(path) for path in options.compare]  # before minutes are spent
    result = _measure(options)
    if options.plot:
        common.write_output(options.plot, report.plot(result))
    content = msgspec.json.encode(result)
    if options.json == common.STDOUT:
        print_json(content)
    else:
        if options.json:
            common.write_output(options.json, msgspec.json.format(content, indent=2) + b"\n")
        _print(result)
    if former and (old := report.find_comparable(result, former)):
        _compare(result, old, options.limit)
    elif former:
        features = ", ".join(result.machine.features) or "none"
        print_note(f"not compared: none is of a CPU with the features of this one, {features}")
    return ExitCode.OK


def _measure(options: argparse.Namespace) -> report.Result:
    parts = options.only or ["models", "pipeline", *(["live"] if options.live else [])]
    rounds, seconds, frames = QUICK if options.quick else WHOLE
    files, video, started = options.files, options.video, datetime.now(UTC)
    with tempfile.TemporaryDirectory() as name, common.progress_bar() as bar:
        folder = Path(name)
        models = model_requests(files, seconds) if "models" in parts else []
        pipelines = []
        if "pipeline" in parts:
            pipelines = pipeline_requests(files, options.detector, video, folder, frames)
        scenes = [str(video)] if video else [ONE_FACE, NOBODY, CROWD]
        videos = {one: clip_of(one, folder) for one in scenes if "live" in parts}
        requests = [*models, *pipelines]
        task = bar.add_task("measuring", total=rounds * len(requests) + len(videos))
        measured = run_interleaved(requests, rounds, lambda: bar.advance(task))
        live = []
        for scene, path in videos.items():
            live.append(measure_live(scene, path, options.live or 30.0, options.seconds))
            bar.advance(task)
    return report.Result(
        machine=report.describe_machine(started, measured.reference, measured.failures),
        models=report.aggregate(measured.results[: len(models)], FLOAT_ROW),
        pipeline=report.aggregate(measured.results[len(models) :]),
        live=live,
    )


def _print(result: report.Result) -> None:
    if text := report.headline(result):
        print_line(text)
    for table, note in report.tables(result):
        print_line("")
        common.print_table(table)
        print_line(note)
    print_line("")
    for line in report.machine_lines(result.machine):
        print_line(line)


def _compare(result: report.Result, old: report.Result, limit: float) -> None:
    changes = report.compare(result, old)
    if not changes:
        raise EmotiondError("--compare: the two results have no row in common")
    print_note("times the cost before, as multiples of the reference computation:")
    for now, measured, name in changes:
        slow = "  TOO SLOW" if now > limit else ""
        print_note(f"{now:6.2f}  ({measured:.2f} as measured)  {name}{slow}")
    slower = sum(change.normalized > limit for change in changes)
    if slower:
        raise EmotiondError(f"{slower} of {len(changes)} cost more than {limit:g} times as before")
