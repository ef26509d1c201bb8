"""`emotiond video`: every frame of video files, as fast as they can be read."""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
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

from edge.commands.common import (
    add_analysis_options,
    add_config,
    apply_analysis_options,
    make_folder,
    unique_names,
    write_output,
)
from edge.config import load_config
from edge.errors import EmotiondError, ExitCode
from edge.logging_setup import print_error
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
)
from edge.offline.video_io import probe_video
from edge.publish.payload import encode_event

VIDEO_SUFFIXES = (".mp4", ".mkv", ".mov", ".avi")
EVENT_SUFFIXES = (".jsonl", ".csv")
TIMELINE_SUFFIXES = (".svg",)
"""Formats of each output; the first is that of files in a folder."""


def add_video_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("films", type=Path, nargs="+", metavar="FILE")
    several = "a folder for several films"
    parser.add_argument("--out", type=Path, help=f"the annotated copy, such as out.mp4; {several}")
    parser.add_argument("--events", type=Path, help=f"out.jsonl or out.csv; {several} (JSONL)")
    parser.add_argument("--timeline", type=Path, help=f"a picture of them, out.svg; {several}")
    parser.add_argument(
        "--json", action="store_true", help="the summary as one line of JSON a film"
    )
    parser.add_argument(
        "--jobs",
        type=_jobs,
        default=os.cpu_count() or 1,
        help="films at once; default: %(default)s",
    )
    parser.add_argument(
        "--dask", metavar="ADDRESS", help="a cluster's scheduler, such as tcp://scheduler:8786"
    )
    add_analysis_options(parser)
    add_config(parser)


def _jobs(text: str) -> int:
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, found {text!r}")


class UsageError(EmotiondError):
    """The options contradict each other."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True, slots=True)
class OutputPaths:
    """What is written of one video; None: nothing of that kind."""

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
    for film, paths in zip(options.films, outputs, strict=True):
        job = VideoJob(film, config, paths.copy)
        if options.dask is not None:  # another machine has another working directory
            job = VideoJob(film.absolute(), config, paths.copy and paths.copy.absolute())
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
    names = unique_names(options.films)
    copies = _output_paths(options.out, names, VIDEO_SUFFIXES)
    events = _output_paths(options.events, names, EVENT_SUFFIXES)
    timelines = _output_paths(options.timeline, names, TIMELINE_SUFFIXES)
    for film in options.films:
        for path in (*copies, *events, *timelines):
            if path is not None and path.exists() and film.exists() and path.samefile(film):
                raise UsageError(f"{path}: would be written over the film itself")
    return [OutputPaths(*one) for one in zip(copies, events, timelines, strict=True)]


def _output_paths(
    named: Path | None, names: Sequence[str], suffixes: Sequence[str]
) -> Sequence[Path | None]:
    """Return the output path of each video: the file that was named, or one in the folder that was.

    What has no suffix, or is a folder already, is a folder. It is made where it is missing.
    """
    if named is None:
        return [None] * len(names)
    if named.is_dir() or not named.suffix:
        _make_writable_folder(named)
        return [named / f"{name}{suffixes[0]}" for name in names]
    if named.suffix.lower() not in suffixes:
        raise UsageError(f"{named}: expected {' or '.join(suffixes)}, or a folder")
    if len(names) > 1:
        raise UsageError(f"{named}: expected a folder, as there are several films")
    _make_writable_folder(named.parent)
    return [named]


def _make_writable_folder(folder: Path) -> None:
    make_folder(folder)
    if not os.access(folder, os.W_OK):
        raise EmotiondError(f"{folder}: cannot be written into")


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
        task = bar.add_task("films", total=len(jobs))
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
    if as_json:
        summary = {
            "film": str(result.video),
            "frames": result.frames,
            "fps": round(result.frames / result.elapsed_s, 1),
            "events": len(result.events),
            "seconds": {
                emotion: round(time, 3) for emotion, time in time_by_emotion(intervals).items()
            },
            "tracks": {
                str(track): {emotion: round(time, 3) for emotion, time in seconds.items()}
                for track, seconds in time_by_track(intervals).items()
            },
            "error": result.error,
        }
        print(msgspec.json.encode(summary).decode())
        return
    print(
        f"{result.video}: {result.frames} frames in {result.elapsed_s:.1f} s, "
        f"{result.frames / result.elapsed_s:.0f} a second; {len(result.events)} events"
    )
    tracks: dict[Any, dict[str, float]] = {
        "all": time_by_emotion(intervals),
        **time_by_track(intervals),
    }
    if not intervals:
        print("  no face")
        return
    _print_table(tracks)


def _print_table(tracks: dict[Any, dict[str, float]]) -> None:
    """Print the share of its time that each face showed each expression."""
    emotions = list(tracks["all"])
    table = Table("face", "in view", *emotions)
    for name, seconds in tracks.items():
        total = sum(seconds.values())
        cells = (f"{seconds[one] / total:.0%}" if one in seconds else "" for one in emotions)
        table.add_row(str(name), f"{total:.1f} s", *cells)
    Console().print(table)
