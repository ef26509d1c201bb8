"""`emotiond report`: a page about recorded events."""

import argparse
import os
from pathlib import Path
from typing import Any

from edge.commands.subcommand import add_command
from edge.errors import EmotiondError, ExitCode, InputError
from edge.files import write_whole
from edge.records import EmotionEvent
from edge.replay.recording import Recording
from edge.report.page import write_page


def add(commands: Any) -> None:
    """Add the subcommand."""
    text = "make a page of recorded events: timeline, shares, durations; it holds no picture"
    parser = add_command(commands, "report", _run, text)
    parser.add_argument(
        "file",
        type=Path,
        nargs="+",
        metavar="FILE.jsonl",
        help="what a jsonl sink, `emotiond watch --json` or `emotiond video --events` wrote",
    )
    parser.add_argument(
        "--out", type=Path, help="the page; default: beside the first file, with its name and .html"
    )


def _run(options: argparse.Namespace) -> ExitCode:
    events = [event for path in options.file for event in _read(path)]
    out = options.out or options.file[0].with_suffix(".html")
    if out.resolve() in [path.resolve() for path in options.file]:
        raise EmotiondError(f"{out}: would be written over its own events; name another --out")
    if out.is_dir():
        raise EmotiondError(f"{out}: cannot be written: Is a directory")
    name = ", ".join(path.stem for path in options.file)
    try:
        write_whole(out, write_page(name, events).encode())
    except OSError as error:
        raise EmotiondError(f"{out}: cannot be written: {error.strerror}") from error
    print(f"{os.fsencode(out).decode(errors='replace')}: {len(events)} events")
    return ExitCode.OK


def _read(path: Path) -> list[EmotionEvent]:
    recording = Recording(path)
    events = list(recording)
    if len(events) < recording.count:
        raise InputError(f"{path}: expected a file, which is read twice, not a pipe")
    return events
