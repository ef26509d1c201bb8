import subprocess
import sys

import pytest

from tools.fuzz.targets import KINDS

CASES = 15
"""Of each kind: a share that fits into continuous integration; maintainers run 10,000."""


@pytest.fixture(scope="module")
def run() -> "subprocess.CompletedProcess[str]":
    """A run over every kind, which reads all packages once."""
    command = [sys.executable, "-m", "tools.fuzz", "--cases", str(CASES)]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)


@pytest.mark.parametrize("kind", [*KINDS, "http"])
def test_no_damaged_input_ends_fills_or_holds_up_a_process(
    run: "subprocess.CompletedProcess[str]", kind: str
) -> None:
    assert [line for line in run.stderr.splitlines() if line.startswith(f"{kind}: ")] == []
    rows = [line.split("|")[1:-1] for line in run.stdout.splitlines()]
    (row,) = (cells for cells in rows if cells[0].strip() == kind)
    assert int(row[1]) >= CASES
    assert [int(cell) for cell in row[3:]] == [0, 0, 0, 0]


def test_a_run_that_finds_nothing_ends_with_0(run: "subprocess.CompletedProcess[str]") -> None:
    assert (run.returncode, run.stderr) == (0, "")
