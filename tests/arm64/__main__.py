"""`python -m tests.arm64`: writes docs/research/raspberry-pi.md its table of boards."""

import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from tests.arm64.board import BOARDS, Board, count, fetch_networks, install, obstacle
from tests.conftest import ROOT

PAGE = ROOT / "docs/research/raspberry-pi.md"

MARKS = ROOT / "tools/bench/instruction_marks.py"

BEGIN, END = "<!-- boards -->", "<!-- end of boards -->"

KINDS = {
    "decode": "Decoding",
    "detector": "Finding faces, from the frame to boxes",
    "model": "Reading one face: cut out, classified, judged",
    "frame": "A frame, once decoded",
}

DEFAULT_MODEL = "shallow-int8"

Counts = Mapping[tuple[str, str], float]
"""Millions of instructions of each part, by kind and name."""


def main() -> None:
    """Count on every board and write the table, or say why not."""
    reason = obstacle()
    if reason is not None:
        print(f"skipped: {reason}", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory() as wheel, tempfile.TemporaryDirectory() as name:
        install(Path(wheel))
        folder = Path(name)
        networks = fetch_networks(folder)
        counts = {board: _count(board, folder, networks) for board in BOARDS}
    head, _, rest = PAGE.read_text().partition(BEGIN)
    tail = rest.partition(END)[2]
    PAGE.write_text(f"{head}{BEGIN}\n{_tables(counts)}\n{END}{tail}")


def _count(board: Board, folder: Path, networks: str) -> Counts:
    print(f"{board.title} ...", file=sys.stderr, flush=True)
    shutil.copy(MARKS, folder)  # the wheel that is installed there has no tools
    command = (networks, "python", f"/host/{MARKS.name}")
    printed, counted = count(board, folder, *command)
    parts: list[dict[str, Any]] = msgspec.json.decode(printed.splitlines()[-1])
    return {
        (part["kind"], part["name"]): counted[part["mark"]] / part["times"] / 1e6 for part in parts
    }


def _tables(counts: Mapping[Board, Counts]) -> str:
    today = datetime.now(UTC).date()
    lines = [f"`make bench-arm64`, {today}. Millions of instructions, one thread, 640x480:", ""]
    lines += _table(["", *(board.title for board in counts)], _work(counts))
    assumed = "; ".join(
        f"{board.title}: {board.gigahertz} GHz, {board.per_cycle} instructions a cycle"
        for board in counts
    )
    lines += ["", f"**Predicted** frames a second of one core ({assumed}; decoding included):", ""]
    heads = ["detector, on every frame", "model", *(board.title for board in counts)]
    return "\n".join(lines + _table(heads, _predictions(counts)))


def _work(counts: Mapping[Board, Counts]) -> list[list[str]]:
    rows = []
    for kind, title in KINDS.items():
        rows.append([f"**{title}**", *("" for _ in counts)])
        for part in next(iter(counts.values())):
            if part[0] == kind:
                rows.append([part[1], *(f"{one[part]:.1f}" for one in counts.values())])
    return rows


def _predictions(counts: Mapping[Board, Counts]) -> list[list[str]]:
    """Return each detector with each model, of what they and everything around them take."""
    parts = list(next(iter(counts.values())))
    rows = []
    for detector in [name for kind, name in parts if kind == "detector"]:
        for model in [name for kind, name in parts if kind == "model"]:
            fps = [
                board.frames_a_second(_frame(one, detector, model)) for board, one in counts.items()
            ]
            rows.append([detector, model, *(f"{value:.0f}" for value in fps)])
    for name in [name for kind, name in parts if kind == "frame"][1:]:
        millions = [one["frame", name] + one["decode", "decode"] for one in counts.values()]
        fps = [board.frames_a_second(value) for board, value in zip(counts, millions, strict=True)]
        rows.append([name, DEFAULT_MODEL, *(f"{value:.0f}" for value in fps)])
    return rows


def _frame(one: Counts, detector: str, model: str) -> float:
    """Return the work of a frame: that of the parts, every face read anew."""
    return one["decode", "decode"] + one["detector", detector] + one["model", model]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    cells = [heads, ["---", *("---:" for _ in heads[1:])], *rows]
    return [f"| {' | '.join(row)} |" for row in cells]


if __name__ == "__main__":
    main()
