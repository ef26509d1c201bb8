"""`emotiond-convert make-clip`: make the built-in clip of average faces."""

import argparse
from pathlib import Path
from typing import Any

from converter.commands.options import add_data, load_data
from edge.commands.common import add_subcommand
from tools.make_demo_clip import write_clip


def add(commands: Any) -> None:
    """Add the subcommand."""
    text = "make the built-in clip of average faces"
    parser = add_subcommand(commands, "make-clip", _run, text)
    parser.add_argument("--out", type=Path, required=True, help="the .mp4 to write")
    add_data(parser)


def _run(options: argparse.Namespace) -> None:
    write_clip(load_data(options), options.out)
    print(f"wrote {options.out}, {options.out.stat().st_size} bytes")
