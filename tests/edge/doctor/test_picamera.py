"""A script stands for rpicam-vid, and says what it says."""

from pathlib import Path

import pytest

from edge.capture.picamera import PicameraBackend, PicameraSettings
from edge.doctor.picamera import examine_picamera
from edge.doctor.result import CheckResult, Level
from tests.edge.doctor.findings import listed

LISTED = """Available cameras
-----------------
0 : imx708 [4608x2592 10-bit RGGB] (/base/soc/i2c0mux/i2c@1/imx708@1a)
    Modes: 'SRGGB10_CSI2P' : 1536x864 [120.13 fps - (768, 432)/3072x1728 crop]
                             2304x1296 [56.03 fps - (0, 0)/4608x2592 crop]
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the only one in which programs are looked for."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def install(programs: Path, answer: str = LISTED, code: int = 0, name: str = "rpicam-vid") -> Path:
    path = programs / name
    path.write_text(f'#!/bin/sh\n[ $1 = --list-cameras ] || exit 9\necho "{answer}"\nexit {code}\n')
    path.chmod(0o755)
    return path


def found(camera: int = 0, through: PicameraBackend = PicameraBackend.AUTO) -> list[CheckResult]:
    return listed(examine_picamera(PicameraSettings(camera, through=through)))


@pytest.mark.parametrize("name", ["rpicam-vid", "libcamera-vid"])
def test_a_camera_that_the_program_lists_is_ok(name: str, programs: Path) -> None:
    path = install(programs, name=name)
    way, camera = found()
    assert (way.level, way.text) == (Level.OK, f"is read through {path}")
    assert camera.level is Level.OK
    assert camera.text.startswith("imx708 [4608x2592 10-bit RGGB]")


def test_another_number_is_a_failure_that_names_those_there_are(programs: Path) -> None:
    install(programs)
    _, camera = found(1)
    assert camera.level is Level.FAILURE
    assert camera.text.startswith("is not there; there are 0 (imx708 ")


def test_no_camera_at_all_is_a_matter_of_the_cable(programs: Path) -> None:
    install(programs, "No cameras available!")
    _, camera = found()
    assert camera.level is Level.FAILURE
    assert "ribbon cable" in str(camera.remedy)


def test_a_program_that_fails_is_a_failure(programs: Path) -> None:
    install(programs, code=255)
    _, camera = found()
    assert camera.level is Level.FAILURE
    assert "exit status 255" in camera.text


def test_where_nothing_is_installed_it_is_said_what_to_install(programs: Path) -> None:
    (way,) = found()
    assert (way.level, way.remedy) == (Level.FAILURE, "sudo apt install rpicam-apps")


def test_a_binding_that_the_config_asks_for_and_is_not_there_is_a_failure(programs: Path) -> None:
    install(programs)
    way, _ = found(through=PicameraBackend.BINDING)
    assert way.level is Level.FAILURE
    assert "python3-picamera2" in str(way.remedy)


@pytest.mark.parametrize(
    ("through", "text"),
    [
        (PicameraBackend.AUTO, "picamera2"),
        (PicameraBackend.BINDING, "picamera2"),
        (PicameraBackend.PROGRAM, "rpicam-vid"),
    ],
)
def test_a_binding_that_is_there_goes_before_the_program_unless_the_config_says_otherwise(
    through: PicameraBackend, text: str, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(programs)
    (programs / "picamera2.py").touch()
    monkeypatch.syspath_prepend(str(programs))
    way, _ = found(through=through)
    assert (way.level, way.text.endswith(text)) == (Level.OK, True)
