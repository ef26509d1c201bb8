"""`emotiond video`: every frame of video files, as fast as they can be read."""

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from edge.cli import print_error
from edge.commands.common import (
    add_analysis_options,
    add_config,
    apply_analysis_options,
    count,
    make_folder,
    unique_names,
    write_output,
)
from edge.config import load_config
from edge.errors import EmotiondError, ExitCode
from edge.offline.intervals import intervals_of, time_by_emotion, time_by_track
from edge.offline.report import events_csv
from edge.offline.timeline import timeline_svg
from edge.offline.video import (
    Outcome,
    VideoJob,
    VideoResult,
    analyze_on_cluster,
    analyze_parallel,
    analyze_video,
    probe_video,
)
from edge.publish.events import encode_event

SUFFIXES = {
    "out": (".mp4", ".mkv", ".mov", ".avi"),
    "events": (".jsonl", ".csv"),
    "timeline": (".svg",),
}
"""Formats that each option writes; the first is that of files in a folder."""


def add_video_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("videos", type=Path, nargs="+", metavar="FILE")
    several = "a folder for several videos"
    parser.add_argument("--out", type=Path, help=f"the annotated copy, such as out.mp4; {several}")
    parser.add_argument("--events", type=Path, help=f"out.jsonl or out.csv; {several} (JSONL)")
    parser.add_argument("--timeline", type=Path, help=f"a chart of them, out.svg; {several}")
    parser.add_argument(
        "--json", action="store_true", help="the summary as one line of JSON a video"
    )
    parser.add_argument(
        "--jobs",
        type=count,
        default=os.cpu_count() or 1,
        help="videos at once; default: %(default)s",
    )
    parser.add_argument(
        "--dask", metavar="ADDRESS", help="a cluster's scheduler, such as tcp://scheduler:8786"
    )
    add_analysis_options(parser)
    add_config(parser)


class UsageError(EmotiondError):
    """The options contradict each other."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True, slots=True)
class OutputPaths:
    """Output paths of one video; None: not written."""

    copy: Path | None
    events: Path | None
    timeline: Path | None


def video(options: argparse.Namespace) -> ExitCode:
    """Analyze every video, write what was asked for, and print a summary of each.

    One that fails does not keep the others from being analyzed.
    """
    config = apply_analysis_options(options, load_config(options.config))
    outputs = _all_output_paths(options)
    jobs = []
    for path, paths in zip(options.videos, outputs, strict=True):
        job = VideoJob(path, config, paths.copy)
        if options.dask is not None:  # another machine has another working directory
            job = VideoJob(path.absolute(), config, paths.copy and paths.copy.absolute())
        jobs.append(job)
    code = ExitCode.OK
    results: dict[int, VideoResult] = {}
    for number, result in _analyze(jobs, options):
        if isinstance(result, EmotiondError):
            print_error(str(result))
            code = ExitCode.FAULT
            continue
        if result.error is not None:
            print_error(result.error)
            code = ExitCode.FAULT
        _write(result, outputs[number])
        results[number] = result
    for _, result in sorted(results.items()):
        _print_summary(result, options.json)
    return code


def _all_output_paths(options: argparse.Namespace) -> list[OutputPaths]:
    """Return where everything goes, and see that it can be written.

    Raises:
        EmotiondError: it cannot.
    """
    names = unique_names(options.videos)
    of_each_kind = [
        _output_paths(getattr(options, option), names, suffixes)
        for option, suffixes in SUFFIXES.items()
    ]
    for source in options.videos:
        for path in (one for paths in of_each_kind for one in paths):
            if path is not None and path.exists() and source.exists() and path.samefile(source):
                raise UsageError(f"{path}: would be written over the video itself")
    return [OutputPaths(*paths) for paths in zip(*of_each_kind, strict=True)]


def _output_paths(
    named: Path | None, names: Sequence[str], suffixes: Sequence[str]
) -> Sequence[Path | None]:
    """Return the output path of each video: the file that was named, or one in the folder that was.

    What has no suffix, or is a folder already, is a folder. It is made where it is missing.
    """
    if named is None:
        return [None] * len(names)
    is_folder = named.is_dir() or not named.suffix
    if not is_folder and named.suffix.lower() not in suffixes:
        raise UsageError(f"{named}: expected {' or '.join(suffixes)}, or a folder")
    if not is_folder and len(names) > 1:
        raise UsageError(f"{named}: expected a folder, as there are several videos")
    folder = named if is_folder else named.parent
    make_folder(folder)
    if not os.access(folder, os.W_OK):
        raise EmotiondError(f"{folder}: cannot be written into")
    return [named / f"{name}{suffixes[0]}" for name in names] if is_folder else [named]


def _analyze(jobs: Sequence[VideoJob], options: argparse.Namespace) -> Iterator[Outcome]:
    """Analyze each video, with a progress bar on a terminal."""
    console = Console(file=sys.stderr)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    bar = Progress(
        *columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal
    )
    with bar:
        if options.dask is None and len(jobs) == 1:
            yield 0, _analyze_one(jobs[0], bar)
            return
        task = bar.add_task("videos", total=len(jobs))
        outcomes = (
            analyze_on_cluster(jobs, options.dask)
            if options.dask
            else analyze_parallel(jobs, min(options.jobs, len(jobs)))
        )
        for outcome in outcomes:
            bar.advance(task)
            yield outcome


def _analyze_one(job: VideoJob, bar: Progress) -> VideoResult | EmotiondError:
    try:
        task = bar.add_task("frames", total=probe_video(job.video).frames or None)
        return analyze_video(job, lambda frames: bar.update(task, completed=frames))
    except EmotiondError as error:
        return error


def _write(result: VideoResult, outputs: OutputPaths) -> None:
    """Write events and timeline, each whole or not at all."""
    if outputs.events is not None:
        write_output(outputs.events, _encode_events(result, outputs.events))
    if outputs.timeline is not None:
        svg = timeline_svg(intervals_of(result.events), video=True, title=result.video.name)
        write_output(outputs.timeline, svg.encode())


def _encode_events(result: VideoResult, path: Path) -> bytes:
    if path.suffix.lower() == ".csv":
        labels = dict.fromkeys(
            label for event in result.events for label in event.probabilities or ()
        )
        return events_csv(result.events, list(labels)).encode()
    return b"".join(encode_event(event) + b"\n" for event in result.events)


def _print_summary(result: VideoResult, as_json: bool) -> None:
    intervals = intervals_of(result.events)
    fps, of_all = result.frames / result.elapsed_s, time_by_emotion(intervals)
    by_track = time_by_track(intervals)
    if as_json:
        summary = {
            "film": str(result.video),
            "frames": result.frames,
            "fps": round(fps, 1),
            "events": len(result.events),
            "seconds": _rounded(of_all),
            "tracks": {str(track): _rounded(seconds) for track, seconds in by_track.items()},
            "error": result.error,
        }
        print(msgspec.json.encode(summary).decode())
        return
    print(
        f"{result.video}: {result.frames} frames in {result.elapsed_s:.1f} s, "
        f"{fps:.0f} a second; {len(result.events)} events"
    )
    if intervals:
        _print_table({"all": of_all, **by_track})
    else:
        print("  no face")


def _rounded(seconds: Mapping[str, float]) -> dict[str, float]:
    return {emotion: round(time, 3) for emotion, time in seconds.items()}


def _print_table(tracks: dict[Any, dict[str, float]]) -> None:
    """Print the share of its time that each face showed each expression."""
    emotions = list(tracks["all"])
    table = Table("face", "in view", *emotions)
    for name, seconds in tracks.items():
        total = sum(seconds.values())
        cells = (f"{seconds[one] / total:.0%}" if one in seconds else "" for one in emotions)
        table.add_row(str(name), f"{total:.1f} s", *cells)
    Console().print(table)
