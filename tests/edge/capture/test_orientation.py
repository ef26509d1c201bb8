"""Rotation, flip, crop and rate of every source."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.capture.images import ImagesSettings
from edge.capture.reconnect import ReconnectingSource
from edge.capture.source import LiveSettings, iter_frames
from edge.capture.video import VideoSettings
from edge.config import parse_config
from edge.errors import ConfigError
from edge.types import Frame, Image

RED, GREEN, BLUE, WHITE = (0, 0, 255), (0, 255, 0), (255, 0, 0), (255, 255, 255)


def quarters() -> Image:
    """Return 80x40 pixels: red and green above, blue and white below."""
    image = np.zeros((40, 80, 3), np.uint8)
    image[:20, :40], image[:20, 40:] = RED, GREEN
    image[20:, :40], image[20:, 40:] = BLUE, WHITE
    return image


def corners(image: Image) -> list[tuple[int, ...]]:
    """Return the colors of the corners: upper left and right, lower left and right."""
    return [tuple(map(int, image[y, x])) for y in (2, -3) for x in (2, -3)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "quarters.png"
    cv2.imwrite(str(path), quarters())
    return path


@pytest.mark.parametrize(
    ("fields", "seen"),
    [
        ({}, [RED, GREEN, BLUE, WHITE]),
        ({"rotation": 90}, [BLUE, RED, WHITE, GREEN]),
        ({"rotation": 180}, [WHITE, BLUE, GREEN, RED]),
        ({"rotation": 270}, [GREEN, WHITE, RED, BLUE]),
        ({"flip": "horizontal"}, [GREEN, RED, WHITE, BLUE]),
        ({"flip": "vertical"}, [BLUE, WHITE, RED, GREEN]),
        ({"flip": "both"}, [WHITE, BLUE, GREEN, RED]),
        ({"rotation": 90, "flip": "horizontal"}, [RED, BLUE, GREEN, WHITE]),
        ({"crop": (0.5, 0.0, 1.0, 1.0)}, [GREEN, GREEN, WHITE, WHITE]),
        ({"rotation": 90, "crop": (0.0, 0.0, 1.0, 0.5)}, [BLUE, RED, BLUE, RED]),
    ],
)
def test_an_image_is_rotated_then_flipped_then_cropped(
    path: Path, fields: dict[str, object], seen: list[tuple[int, ...]]
) -> None:
    frame = ImagesSettings(path, **fields).open().read()  # type: ignore[arg-type]
    assert frame is not None
    assert corners(frame.image) == seen
    assert not frame.image.flags.writeable


class Camera:
    """A camera of 30 frames a second, as far as its clock tells."""

    online = True

    def __init__(self) -> None:
        self.now = 0.0

    def read(self) -> Frame:
        self.skip()
        return Frame(quarters(), round(self.now * 30), self.now, self.now)

    def skip(self) -> None:
        self.now += 1 / 30

    def close(self) -> None:
        pass


def test_a_live_source_is_oriented_as_well() -> None:
    camera, settings = Camera(), LiveSettings(rotation=180)
    source = ReconnectingSource("camera", lambda: camera, lambda: camera.now, settings=settings)
    frame = source.read()
    assert frame is not None
    assert corners(frame.image) == [WHITE, BLUE, GREEN, RED]


def test_a_live_source_gives_at_most_so_many_frames_a_second() -> None:
    camera, settings = Camera(), LiveSettings(max_fps=10)
    source = ReconnectingSource("camera", lambda: camera, lambda: camera.now, settings=settings)
    times = [frame.timestamp for _ in range(20) if (frame := source.read()) is not None]
    assert np.diff(times) == pytest.approx(0.1)


@pytest.mark.parametrize(("max_fps", "count"), [(None, 50), (25.0, 50), (10.0, 20), (1.0, 2)])
def test_a_video_gives_at_most_so_many_frames_a_second(
    tmp_path: Path, max_fps: float | None, count: int
) -> None:
    path = tmp_path / "two-seconds.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (80, 40))
    for _ in range(50):
        writer.write(quarters())
    writer.release()
    source = VideoSettings(path, realtime=False, max_fps=max_fps).open()
    assert len(list(iter_frames(source))) == count


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"crop": [0.5, 0, 0.5, 1]}, "crop"),
        ({"crop": [0, 0, 2, 1]}, "crop"),
        ({"rotation": 45}, "rotation"),
        ({"flip": "sideways"}, "flip"),
        ({"max_fps": 0}, "max_fps"),
    ],
)
def test_what_cannot_be_is_refused(fields: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        parse_config({"source": {"kind": "camera", **fields}}, Path("emotiond.yaml"))
