from pathlib import Path

import pytest

from edge.capture.camera import CameraSettings
from edge.capture.images import ImagesSettings
from edge.capture.parse import parse_source_arg
from edge.capture.picamera import PicameraSettings
from edge.capture.stream import StreamSettings
from edge.capture.video import VideoSettings
from edge.errors import ConfigError


def test_each_kind_of_source_is_known_by_how_it_is_written(tmp_path: Path) -> None:
    assert parse_source_arg("1") == CameraSettings(device=1)
    assert parse_source_arg("/dev/video2") == CameraSettings(device="/dev/video2")
    assert parse_source_arg("picamera") == PicameraSettings()
    assert parse_source_arg("rtsp://camera/live") == StreamSettings(url="rtsp://camera/live")
    assert parse_source_arg(str(tmp_path)) == ImagesSettings(tmp_path)
    assert parse_source_arg("a.JPG") == ImagesSettings(Path("a.JPG"))
    assert parse_source_arg("film.mp4") == VideoSettings(Path("film.mp4"), realtime=False)


@pytest.mark.parametrize("text", ["ftp://camera/live", "999", "picamra"])
def test_a_source_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"--source: .*: expected"):
        parse_source_arg(text)
