"""`emotiond report`: an HTML page about recorded events."""

import argparse
import os
from pathlib import Path

from edge.commands.common import write_output
from edge.errors import EmotiondError, ExitCode
from edge.offline.replay import EventLog
from edge.offline.report import html_report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
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


def run(options: argparse.Namespace) -> ExitCode:
    """Write the page."""
    events = [event for path in options.file for event in EventLog(path)]
    out = options.out or options.file[0].with_suffix(".html")
    if out.resolve() in [path.resolve() for path in options.file]:
        raise EmotiondError(f"{out}: would be written over its own events; name another --out")
    name = ", ".join(path.stem for path in options.file)
    write_output(out, html_report(name, events).encode())
    print(f"{os.fsencode(out).decode(errors='replace')}: {len(events)} events")
    return ExitCode.OK
