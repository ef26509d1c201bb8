"""`emotiond-convert inspect`: say what is in a set and what is wrong with it."""

import argparse
from typing import Any

from converter.commands.options import add_data, load_data
from converter.data.quality import Quality, Rows, assess
from edge.commands.common import add_subcommand

EXAMPLES = 5
"""Rows named beside each count; row 0 is the first picture of the first set."""


def add(commands: Any) -> None:
    """Add the subcommand."""
    text = "count classes, copies and pictures of no face; needs no TensorFlow"
    add_data(add_subcommand(commands, "inspect", _run, text))


def _run(options: argparse.Namespace) -> None:
    quality = assess(load_data(options))
    _print_counts(quality)
    _print_rows("rows that repeat an earlier picture", quality.repeats)
    _print_rows("rows of one grey", quality.constant)
    _print_rows("rows that all ten FER+ taggers called no face", quality.not_a_face)
    for (usage, other), rows in quality.shared.items():
        _print_rows(f"rows of {usage} that repeat a picture of {other}", rows)
    groups = [", ".join(map(str, group)) for group in quality.contradictions]
    _print_found("pictures that stand in rows with different labels", groups, "; ")


def _print_counts(quality: Quality) -> None:
    print(f"{quality.rows} rows")
    for usage, counts in quality.counts.items():
        classes = ", ".join(f"{label} {count}" for label, count in counts.items())
        print(f"{usage}: {sum(counts.values())} rows: {classes}")


def _print_rows(what: str, rows: Rows) -> None:
    _print_found(what, list(map(str, rows)), ", ")


def _print_found(what: str, found: list[str], between: str) -> None:
    such_as = f", such as {between.join(found[:EXAMPLES])}" if found else ""
    print(f"{what}: {len(found)}{such_as}")
