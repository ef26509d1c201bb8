import os
from pathlib import Path

import pytest

from edge.doctor.result import CheckResult, Level
from edge.doctor.state import examine_state


def found(folder: Path) -> CheckResult:
    (finding,) = examine_state(folder)
    assert finding.text.startswith(f"{folder}: ")
    return finding


def test_a_folder_that_can_be_written_into_is_ok_and_left_as_it_was(tmp_path: Path) -> None:
    assert found(tmp_path).level is Level.OK
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_yet_is_ok_and_not_made(tmp_path: Path) -> None:
    finding = found(tmp_path / "a" / "b")
    assert finding.level is Level.OK
    assert "can be made" in finding.text
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_a_warning_with_its_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    finding = found(tmp_path / "file" / "state")
    assert finding.level is Level.WARNING
    assert f"cannot be made in {tmp_path / 'file'}" in finding.text
    assert "set `state` to another" in str(finding)


def test_a_file_in_its_place_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    assert found(tmp_path / "state").level is Level.WARNING


def test_a_folder_that_takes_no_file_is_a_warning() -> None:
    finding = found(Path("/proc/self"))
    assert finding.level is Level.WARNING
    assert "cannot be written into: No such file" in finding.text


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_of_somebody_else_is_a_warning() -> None:
    assert found(Path("/root/emotiond")).level is Level.WARNING
