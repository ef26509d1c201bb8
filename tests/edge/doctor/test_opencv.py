"""Distributions are folders here, as pip writes them; what cannot be imported is imported anew."""

import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from edge.doctor.opencv import examine_opencv
from edge.doctor.result import CheckResult, Level
from tests.conftest import ROOT
from tests.edge.doctor.findings import listed, only


def install(site: Path, name: str, version: str = "4.10.0.84") -> None:
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def found(*sites: Path) -> list[CheckResult]:
    return listed(examine_opencv([str(site) for site in sites]))


def test_the_opencv_of_these_tests_is_ok_and_named() -> None:
    finding = only(examine_opencv())
    assert finding.level is Level.OK
    assert f"cv2 {cv2.__version__}" in finding.text
    assert "opencv-python-headless 4." in finding.text or "opencv-python 4." in finding.text


def test_two_in_one_folder_are_a_warning_as_each_overwrites_the_other(tmp_path: Path) -> None:
    install(tmp_path, "opencv-python")
    install(tmp_path, "opencv-contrib-python-headless", "4.12.0.88")
    warning, *_ = found(tmp_path)
    assert warning.level is Level.WARNING
    assert "opencv-contrib-python-headless 4.12.0.88 and opencv-python 4.10.0.84" in warning.text
    assert "pip uninstall opencv-contrib-python-headless opencv-python, then" in str(warning)


def test_two_in_folders_of_their_own_do_not_overwrite_each_other(tmp_path: Path) -> None:
    install(tmp_path / "venv", "opencv-python-headless")
    install(tmp_path / "system", "opencv-python")
    assert [one.level for one in found(tmp_path / "venv", tmp_path / "system")] == [Level.OK]


def test_other_packages_of_like_names_are_passed_over(tmp_path: Path) -> None:
    install(tmp_path, "opencv-python-headless")
    install(tmp_path, "opencv-python-inference-engine")
    (finding,) = found(tmp_path)
    assert finding.text == f"cv2 {cv2.__version__}, opencv-python-headless 4.10.0.84"


def test_the_build_with_windows_is_ok_and_said_to_take_memory(tmp_path: Path) -> None:
    install(tmp_path, "opencv-python")
    (finding,) = found(tmp_path)
    assert finding.level is Level.OK
    assert "take memory" in finding.text


def test_one_that_pip_did_not_install_is_said_to_be_of_the_system(tmp_path: Path) -> None:
    (finding,) = found(tmp_path)
    assert "of the system" in finding.text


def examined_with(cv2_source: str, folder: Path) -> str:
    """Return what a Python finds whose cv2 is the given source."""
    (folder / "cv2.py").write_text(cv2_source)
    code = "from edge.doctor.opencv import *\nfor one in examine_opencv(): print(one)"
    places = {"PYTHONPATH": f"{folder}:{ROOT}"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=places, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        ("libGL.so.1: cannot open shared object file", "pip uninstall opencv-python "),
        ("numpy.core.multiarray\\nfailed to import", "pip install --force-reinstall 'opencv-"),
    ],
)
def test_one_that_cannot_be_imported_is_a_failure_by_its_reason(
    error: str, remedy: str, tmp_path: Path
) -> None:
    line = examined_with(f"raise ImportError('{error}')", tmp_path)
    assert line.startswith("failure  opencv: cv2 cannot be imported: ")
    assert error.replace("\\n", " ") in line
    assert remedy in line


def test_version_5_is_a_failure(tmp_path: Path) -> None:
    line = examined_with("__version__ = '5.0.0'", tmp_path)
    assert line.startswith("failure  opencv: cv2 5.0.0 has no cascades")
    assert line.endswith("pip install 'opencv-python-headless<5'")
