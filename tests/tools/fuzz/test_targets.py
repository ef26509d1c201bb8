import subprocess
import sys

import pytest

from tools.fuzz.targets import KINDS

CASES = 15
"""Of each kind: a share that fits into continuous integration; maintainers run 10,000."""


@pytest.mark.parametrize("kind", [*KINDS, "http"])
def test_no_damaged_input_ends_fills_or_holds_up_a_process(kind: str) -> None:
    command = [sys.executable, "-m", "tools.fuzz", "--kind", kind, "--cases", str(CASES)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    cells = run.stdout.splitlines()[-1].split("|")
    assert cells[1].strip() == kind
    assert int(cells[2]) >= CASES
