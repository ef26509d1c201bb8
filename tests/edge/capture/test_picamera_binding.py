"""Picamera2 is an apt package with drivers below it; its stand-in here follows its source, 0.3.25."""

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from edge.capture.picamera import Picamera2Source, PicameraSettings
from edge.errors import SourceError
from edge.types import Image


class Picamera2:
    """One camera, index 0, that shows a red picture with a white upper half."""

    opened: "Picamera2 | None" = None
    silent = False

    def __init__(self, camera_num: int = 0) -> None:
        [0][camera_num]  # an IndexError, as there
        if Picamera2.opened:
            raise RuntimeError("Camera __init__ sequence did not complete.")
        Picamera2.opened = self
        self.waits: list[float] = []
        self.configuration: dict[str, Any] = {}
        self._started = self._flushed = False

    def create_video_configuration(
        self, main: dict[str, Any], controls: dict[str, Any]
    ) -> dict[str, Any]:
        return {"main": main, "controls": controls, "transform": Transform()}

    def configure(self, configuration: dict[str, Any]) -> None:
        assert configuration["main"]["format"] == "RGB888"
        assert isinstance(configuration["main"]["size"], tuple)
        self.configuration = configuration

    def start(self) -> None:
        self._started = True

    def capture_array(self, name: str = "main", wait: float | None = None) -> Image:
        assert (self._started, name) == (True, "main")
        assert wait
        self.waits.append(wait)
        if Picamera2.silent:
            raise TimeoutError
        width, height = self.configuration["main"]["size"]
        # Rows are padded in memory, so what is given is a view.
        picture = np.zeros((height, width + 32, 3), dtype=np.uint8)[:, :width]
        picture[:] = (0, 0, 255)
        picture[: height // 2] = 255
        return picture[::-1] if self.configuration["transform"].vflip else picture

    def cancel_all_and_flush(self) -> None:
        self._flushed = True

    def close(self) -> None:
        assert self._flushed, "closing waits for ever for a job of a camera that hangs"
        Picamera2.opened = None


class Transform:
    """libcamera's."""

    def __init__(self, hflip: int = 0, vflip: int = 0) -> None:
        self.hflip, self.vflip = hflip, vflip


@pytest.fixture(autouse=True)
def library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the stand-ins importable."""
    picamera2, libcamera = ModuleType("picamera2"), ModuleType("libcamera")
    picamera2.Picamera2 = Picamera2  # type: ignore[attr-defined]
    libcamera.Transform = Transform  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "picamera2", picamera2)
    monkeypatch.setitem(sys.modules, "libcamera", libcamera)
    monkeypatch.setattr(Picamera2, "opened", None)
    monkeypatch.setattr(Picamera2, "silent", False)


def opened(settings: PicameraSettings) -> Picamera2Source:
    source = settings.open()
    assert isinstance(source, Picamera2Source)
    return source


def test_it_is_taken_where_it_can_be_imported_and_gives_blue_green_red() -> None:
    source = opened(PicameraSettings(width=320, height=240, fps=20))
    frames = [source.read(), source.read()]
    assert [frame.index for frame in frames] == [0, 1]
    assert frames[0].size == (320, 240)
    assert frames[0].image[-1, 0].tolist() == [0, 0, 255]
    assert frames[0].image.flags.c_contiguous
    assert not frames[0].image.flags.writeable
    assert Picamera2.opened
    assert Picamera2.opened.configuration["controls"] == {"FrameDurationLimits": (50_000, 50_000)}


def test_a_camera_that_falls_silent_is_lost_and_can_be_closed_and_opened_again() -> None:
    source = opened(PicameraSettings())
    Picamera2.silent = True
    with pytest.raises(SourceError, match="picamera2 gave no image for 2 s"):
        source.read()
    source.close()
    source.close()
    Picamera2.silent = False
    assert opened(PicameraSettings()).read().index == 0


@pytest.mark.parametrize(("camera", "message"), [(1, "list index"), (0, "sequence did not")])
def test_a_camera_that_is_absent_or_in_use_cannot_be_opened(camera: int, message: str) -> None:
    Picamera2(0)
    with pytest.raises(SourceError, match=f"picamera2: .*{message}"):
        PicameraSettings(camera=camera, backend="picamera2").open()


def test_a_camera_that_opens_and_does_not_start_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("Failed to start camera")

    with monkeypatch.context() as patch:
        patch.setattr(Picamera2, "start", fail)
        with pytest.raises(SourceError, match="picamera2: Failed to start camera"):
            PicameraSettings().open()
    assert opened(PicameraSettings()).read().index == 0


def test_a_camera_that_was_torn_out_is_lost_and_closed_without_a_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def torn(*_: object, **__: object) -> None:
        raise RuntimeError("Camera has been disconnected")

    source = opened(PicameraSettings())
    for method in ("capture_array", "cancel_all_and_flush", "close"):
        monkeypatch.setattr(Picamera2, method, torn)
    with pytest.raises(SourceError, match="picamera2: Camera has been disconnected"):
        source.read()
    source.close()


def test_the_program_is_taken_where_the_config_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SourceError, match="rpicam-apps"):
        PicameraSettings(backend="rpicam-vid").open()
    assert Picamera2.opened is None
