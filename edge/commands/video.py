"""`emotiond video`: films, from beginning to end."""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from edge.commands.common import add_subcommand
from edge.commands.names import names_for
from edge.commands.options import add_config, add_reading, chosen_reading
from edge.commands.outputs import write_output
from edge.config import Config, load_config
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


def add(commands: Any) -> None:
    """Add the subcommand."""
    text = "see every frame of films: events, annotated copies, timelines, a summary"
    parser = add_subcommand(commands, "video", _run, text)
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
    add_reading(parser)
    add_config(parser)


def _jobs(text: str) -> int:
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, found {text!r}")


@dataclass(frozen=True, slots=True)
class Outputs:
    """What is written of one film; None: nothing of that kind."""

    out: Path | None
    events: Path | None
    timeline: Path | None


def _run(options: argparse.Namespace) -> ExitCode:
    config = chosen_reading(options, load_config(options.config))
    outputs = _outputs(options)
    jobs = [
        _job(film, config, one.out, options.dask is not None)
        for film, one in zip(options.films, outputs, strict=True)
    ]
    code = ExitCode.OK
    studies: list[VideoResult | None] = [None] * len(jobs)
    for place, result in _study(jobs, options):
        if isinstance(result, EmotiondError):
            print_error(str(result))
            code = ExitCode.FAULT
            continue
        if result.error is not None:
            print_error(result.error)
            code = ExitCode.FAULT
        _write(result, outputs[place])
        studies[place] = result
    for one in studies:
        if one is not None:
            _tell(one, options.json)
    return code


def _job(film: Path, config: Config, out: Path | None, elsewhere: bool) -> VideoJob:
    """Return the job; another machine sees films under whole paths alone."""
    if elsewhere:
        film, out = film.absolute(), out and out.absolute()
    return VideoJob(film, config, out)


def _outputs(options: argparse.Namespace) -> list[Outputs]:
    """Return where everything goes, and see that it can.

    Raises:
        EmotiondError: it cannot.
    """
    names = names_for(options.films)
    several = len(names) > 1
    outs = _places(options.out, names, several, (".mp4", ".mkv", ".mov", ".avi"))
    events = _places(options.events, names, several, (".jsonl", ".csv"))
    timelines = _places(options.timeline, names, several, (".svg",))
    for film in options.films:
        for path in (*outs, *events, *timelines):
            if path is not None and path.exists() and film.exists() and path.samefile(film):
                raise UsageError(f"{path}: would be written over the film itself")
    return [Outputs(*one) for one in zip(outs, events, timelines, strict=True)]


class UsageError(EmotiondError):
    """What was asked for cannot be meant."""

    exit_code = ExitCode.USAGE


def _places(
    place: Path | None, names: Sequence[str], several: bool, kinds: tuple[str, ...]
) -> Sequence[Path | None]:
    """Return the file for each film: what was named, or one in the folder that was."""
    if place is None:
        return [None] * len(names)
    is_file = place.suffix.lower() in kinds and not place.is_dir()
    if several and is_file:
        raise UsageError(f"{place}: expected a folder, as there are several films")
    if not is_file and place.suffix and not place.is_dir():
        raise UsageError(f"{place}: expected {' or '.join(kinds)}, or a folder")
    folder = place.parent if is_file else place
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EmotiondError(f"{folder}: cannot be made: {error.strerror}") from error
    if not os.access(folder, os.W_OK):
        raise EmotiondError(f"{folder}: cannot be written into")
    return [place] if is_file else [place / f"{name}{kinds[0]}" for name in names]


def _study(jobs: Sequence[VideoJob], options: argparse.Namespace) -> Iterator[Outcome]:
    """VideoResult each film, with a bar on a terminal."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(file=sys.stderr)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    bar = Progress(
        *columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal
    )
    with bar:
        if options.dask is None and len(jobs) == 1:
            yield 0, _alone(jobs[0], bar)
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


def _alone(job: VideoJob, bar: Any) -> VideoResult | EmotiondError:
    try:
        task = bar.add_task("frames", total=probe_video(job.video).frames or None)
        return analyze_video(job, lambda frames: bar.update(task, completed=frames))
    except EmotiondError as error:
        return error


def _write(result: VideoResult, outputs: Outputs) -> None:
    """Write events and timeline, each whole or not at all."""
    if outputs.events is not None:
        write_output(outputs.events, _events(result, outputs.events))
    if outputs.timeline is not None:
        svg = timeline_svg(intervals_of(result.events), video=True, title=result.video.name)
        write_output(outputs.timeline, svg.encode())


def _events(result: VideoResult, path: Path) -> bytes:
    if path.suffix.lower() == ".csv":
        labels = dict.fromkeys(
            label for event in result.events for label in event.probabilities or ()
        )
        return events_csv(result.events, list(labels)).encode()
    return b"".join(encode_event(event) + b"\n" for event in result.events)


def _tell(result: VideoResult, as_json: bool) -> None:
    spans = intervals_of(result.events)
    if as_json:
        told = {
            "film": str(result.video),
            "frames": result.frames,
            "fps": round(result.frames / result.elapsed_s, 1),
            "events": len(result.events),
            "seconds": {
                emotion: round(time, 3) for emotion, time in time_by_emotion(spans).items()
            },
            "tracks": {
                str(track): {emotion: round(time, 3) for emotion, time in seconds.items()}
                for track, seconds in time_by_track(spans).items()
            },
            "error": result.error,
        }
        print(msgspec.json.encode(told).decode())
        return
    print(
        f"{result.video}: {result.frames} frames in {result.elapsed_s:.1f} s, "
        f"{result.frames / result.elapsed_s:.0f} a second; {len(result.events)} events"
    )
    tracks: dict[Any, dict[str, float]] = {"all": time_by_emotion(spans), **time_by_track(spans)}
    if not spans:
        print("  no face")
        return
    _print_table(tracks)


def _print_table(tracks: dict[Any, dict[str, float]]) -> None:
    """Print the share of its time that each face showed each expression."""
    from rich.console import Console
    from rich.table import Table

    emotions = list(tracks["all"])
    table = Table("face", "in view", *emotions)
    for name, seconds in tracks.items():
        total = sum(seconds.values())
        cells = (f"{seconds[one] / total:.0%}" if one in seconds else "" for one in emotions)
        table.add_row(str(name), f"{total:.1f} s", *cells)
    Console().print(table)
