import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge.terminal import LogFormatter

PROGRAM = """
import logging
from edge.terminal import configure_logging, print_error
configure_logging()
logging.getLogger("edge").info("camera 0: frames are coming")
logging.getLogger("edge").warning("broker b:1: away")
print_error("there is no such model")
"""


def write(path: Path, journal: str | None) -> list[str]:
    """Return the lines that a process writes whose stderr is a file, told where the journal is."""
    environment = {**os.environ} if journal is None else {**os.environ, "JOURNAL_STREAM": journal}
    with path.open("w") as file:
        subprocess.run([sys.executable, "-c", PROGRAM], stderr=file, env=environment, check=True)
    return path.read_text().splitlines()


def test_the_journal_gets_priorities_and_no_time_stamps(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.touch()
    stream = path.stat()
    assert write(path, f"{stream.st_dev}:{stream.st_ino}") == [
        "<6>camera 0: frames are coming",
        "<4>broker b:1: away",
        "<3>emotiond: there is no such model",
    ]


@pytest.mark.parametrize("journal", [None, "1:2", "nonsense"])
def test_anybody_else_gets_time_and_level_even_below_a_service(
    tmp_path: Path, journal: str | None
) -> None:
    info, warning, complaint = write(tmp_path / "log", journal)
    assert info.startswith("20")
    assert info.endswith(" INFO camera 0: frames are coming")
    assert warning.endswith(" WARNING broker b:1: away")
    assert complaint == "emotiond: there is no such model"


def test_each_line_of_a_traceback_has_its_priority() -> None:
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        record = logging.LogRecord("edge", logging.ERROR, "", 1, "failed", (), sys.exc_info())
    lines = LogFormatter(journal=True).format(record).splitlines()
    assert lines[0] == "<3>failed"
    assert lines[-1] == "<3>RuntimeError: broken"
    assert all(line.startswith("<3>") for line in lines)
