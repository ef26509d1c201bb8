"""Distributions are folders here, as pip writes them; a broken cv2 is imported by a new Python."""

import subprocess
import sys
import tomllib
from pathlib import Path

import cv2
import pytest

from edge.doctor import check_opencv, check_python
from edge.errors import CheckResult, Level
from tests.conftest import ROOT
from tests.edge.doctor.results import listed, only


def test_the_python_of_these_tests_is_ok_and_named() -> None:
    result = only(check_python())
    assert result.level is Level.OK
    assert sys.executable in result.text


def test_the_oldest_python_is_the_one_that_pip_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">=3.11"
    assert only(check_python(version=(3, 11))).level is Level.OK


def test_an_older_python_is_a_failure() -> None:
    result = only(check_python(version=(3, 10)))
    assert result.level is Level.FAILURE
    assert "3.10" in result.text
    assert result.remedy == "install Python 3.11 or later"


def test_a_python_of_32_bits_is_a_failure_whatever_the_cpu_is() -> None:
    result = only(check_python(max_index=2**31 - 1))
    assert result.level is Level.FAILURE
    assert "of 32 bits" in result.text
    assert "install the 64-bit system" in str(result)


def install_distribution(site: Path, name: str, version: str = "4.10.0.84") -> None:
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def opencv_results(*sites: Path) -> list[CheckResult]:
    return listed(check_opencv([str(site) for site in sites]))


def test_the_opencv_of_these_tests_is_ok_and_named() -> None:
    result = only(check_opencv())
    assert result.level is Level.OK
    assert f"cv2 {cv2.__version__}" in result.text
    assert "opencv-python-headless 4." in result.text or "opencv-python 4." in result.text


def test_two_opencvs_in_one_folder_are_a_warning_as_each_overwrites_the_other(
    tmp_path: Path,
) -> None:
    install_distribution(tmp_path, "opencv-python")
    install_distribution(tmp_path, "opencv-contrib-python-headless", "4.12.0.88")
    warning, *_ = opencv_results(tmp_path)
    assert warning.level is Level.WARNING
    assert "opencv-contrib-python-headless 4.12.0.88 and opencv-python 4.10.0.84" in warning.text
    assert "pip uninstall opencv-contrib-python-headless opencv-python, then" in str(warning)


def test_two_opencvs_in_folders_of_their_own_do_not_overwrite_each_other(tmp_path: Path) -> None:
    install_distribution(tmp_path / "venv", "opencv-python-headless")
    install_distribution(tmp_path / "system", "opencv-python")
    assert [one.level for one in opencv_results(tmp_path / "venv", tmp_path / "system")] == [
        Level.OK
    ]


def test_other_packages_of_like_names_are_passed_over(tmp_path: Path) -> None:
    install_distribution(tmp_path, "opencv-python-headless")
    install_distribution(tmp_path, "opencv-python-inference-engine")
    (result,) = opencv_results(tmp_path)
    assert result.text == f"cv2 {cv2.__version__}, opencv-python-headless 4.10.0.84"


def test_an_opencv_that_pip_did_not_install_is_said_to_be_of_the_system(tmp_path: Path) -> None:
    (result,) = opencv_results(tmp_path)
    assert "of the system" in result.text


def lines_with(cv2_source: str, folder: Path) -> str:
    """Return what a Python finds whose cv2 is the given source."""
    (folder / "cv2.py").write_text(cv2_source)
    code = "from edge.doctor import *\nfor one in check_opencv(): print(one)"
    places = {"PYTHONPATH": f"{folder}:{ROOT}"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=places, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        ("libGL.so.1: cannot open shared object file", "pip uninstall opencv-python "),
        ("numpy.core.multiarray\\nfailed to import", "--force-reinstall"),
    ],
)
def test_an_opencv_that_cannot_be_imported_is_a_failure_by_its_reason(
    error: str, remedy: str, tmp_path: Path
) -> None:
    line = lines_with(f"raise ImportError('{error}')", tmp_path)
    assert line.startswith("failure  opencv: cv2 cannot be imported: ")
    assert error.replace("\\n", " ") in line
    assert remedy in line


def test_opencv_5_is_a_failure(tmp_path: Path) -> None:
    line = lines_with("__version__ = '5.0.0'", tmp_path)
    assert line.startswith("failure  opencv: cv2 5.0.0 has no cascades")
    assert line.endswith("pip install 'opencv-python-headless<5'")
