import sys
from pathlib import Path

import pytest

from edge.capture import open_source
from edge.capture.picamera import (
    PicameraSettings,
    SubprocessMjpegSource,
    arguments,
)
from edge.capture.reconnect import ReconnectingSource
from edge.capture.source import iter_frames
from edge.errors import SourceError
from tests.rpicam_vid import install, parse


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder in which programs are looked for, with nothing in it; no Picamera2."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "picamera2", None)
    return tmp_path


def test_the_program_is_told_what_the_config_says() -> None:
    settings = PicameraSettings(camera=1, width=1280, height=720, fps=15)
    told = vars(parse(arguments(settings)))
    assert told.items() >= {
        ("camera", 1),
        ("width", 1280),
        ("height", 720),
        ("framerate", 15),
    }
    # Without these it stops after 5 s, opens a window, or keeps the end of each picture back.
    assert told.items() >= {("timeout", 0), ("nopreview", True), ("flush", True)}


@pytest.mark.parametrize("name", ["rpicam-vid", "libcamera-vid"])
def test_the_program_is_found_by_its_new_and_its_old_name(programs: Path, name: str) -> None:
    install(programs, name)
    source = PicameraSettings(width=320, height=240).open()
    assert isinstance(source, SubprocessMjpegSource)
    assert next(iter_frames(source)).size == (320, 240)
    source.close()


def test_a_picamera2_built_for_another_numpy_is_ignored(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(programs)
    monkeypatch.delitem(sys.modules, "picamera2")
    monkeypatch.syspath_prepend(programs)
    (programs / "picamera2.py").write_text("raise ValueError('numpy.dtype size changed')")
    source = PicameraSettings().open()
    assert isinstance(source, SubprocessMjpegSource)
    source.close()


def test_a_program_that_is_not_installed_is_named_with_its_package(programs: Path) -> None:
    with pytest.raises(SourceError, match=r"found none: sudo apt install rpicam-apps"):
        PicameraSettings().open()


def test_picamera2_asked_for_and_not_importable_is_named_with_its_package(programs: Path) -> None:
    install(programs)
    with pytest.raises(SourceError, match=r"sudo apt install python3-picamera2"):
        PicameraSettings(backend="picamera2").open()


def test_it_is_live_and_opened_again_until_it_is_there(programs: Path) -> None:
    settings = PicameraSettings(width=320, height=240)
    source = open_source(settings)
    assert settings.is_live
    assert isinstance(source, ReconnectingSource)
    assert source.read() is None
    install(programs)
    assert next(iter_frames(source)).size == (320, 240)
    assert source.online
    source.close()
