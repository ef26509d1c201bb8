"""Real processes and the real /proc."""

import subprocess
from pathlib import Path

from edge.doctor.holders import holders

PROC = Path("/proc")


def test_a_process_that_has_a_file_open_is_named_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    with path.open() as file, subprocess.Popen(["sleep", "60"], stdin=file) as process:
        found = holders(path, PROC)
        process.kill()
    assert found == [f"sleep ({process.pid})"]


def test_one_that_has_it_open_under_another_name_is_found_too(tmp_path: Path) -> None:
    path, link = tmp_path / "file", tmp_path / "link"
    path.touch()
    link.symlink_to(path)
    with link.open() as file, subprocess.Popen(["sleep", "60"], stdin=file) as process:
        found = holders(path, PROC)
        process.kill()
    assert len(found) == 1


def test_who_asks_is_no_holder(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("w"):
        assert holders(path, PROC) == []


def test_what_nobody_has_open_or_is_not_there_has_no_holder(tmp_path: Path) -> None:
    assert holders(tmp_path / "none", PROC) == []


def test_a_process_that_ends_meanwhile_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    (tmp_path / "proc" / "1234567").mkdir(parents=True)
    assert holders(path, tmp_path / "proc") == []
