"""Clips to measure on: the built-in one, synthetic ones, and a source that repeats one."""

import time
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from pathlib import Path

import cv2
import numpy as np

from edge.capture import EndOfStream
from edge.capture.video import VideoSettings
from edge.commands.demo import CLIP
from edge.errors import EmotiondError
from edge.types import Frame, Image

ONE_FACE, CROWD, NOBODY = "one face", "20 faces", "nobody"
"""Scenes of the built-in clip, of a grid of its faces, and of an empty room."""

SIZE = (640, 480)

FRAMES, FPS = 100, 25.0
"""Length and frames a second of synthetic clips; the rate also spaces repeated frames in time."""

ROWS, COLUMNS = 4, 5
"""Grid of the crowd."""

HEAD = (slice(79, 398), slice(134, 474))
"""Rows and columns in which the face of the built-in clip moves, in the shape of a grid cell."""

CELL_OFFSET = 17
"""Frames of the built-in clip between neighbors in the crowd, so that each shows something else."""

NOISE = 2.0
"""Standard deviation, in gray levels, of a webcam's pixels in a lit room."""


def clip_of(scene: str, folder: Path) -> Path:
    """Return the video of a scene, making it in `folder` where it is synthetic.

    Args:
        scene: one of this module's names, or the path of a video.
        folder: for synthetic clips.

    Raises:
        EmotiondError: the video cannot be read, or none can be written.
    """
    if scene == ONE_FACE:
        return CLIP
    if scene not in (CROWD, NOBODY):
        if not cv2.VideoCapture(scene, cv2.CAP_FFMPEG).read()[0]:
            raise EmotiondError(f"{scene}: cannot be read as a video")
        return Path(scene).absolute()
    path = folder / f"{scene.replace(' ', '-')}.mp4"
    if not path.exists():
        _write(path, _crowd() if scene == CROWD else _empty_room())
    return path


class LoopingVideoSource:
    """Video source of a given length, in frames: repeats a video as fast as it is read."""

    online = True

    def __init__(self, path: Path, frames: int) -> None:
        self._images = _loop(path)
        self._frames = frames
        self._index = 0

    def read(self) -> Frame:
        """Return the next frame.

        Raises:
            EndOfStream: all were given.
            InputError: the video cannot be read.
        """
        image = next(self._images, None) if self._index < self._frames else None
        if image is None:
            raise EndOfStream
        self._index += 1
        timestamp = (self._index - 1) / FPS
        return Frame(image, self._index - 1, timestamp=timestamp, captured=time.monotonic())

    def close(self) -> None:
        """Close the video."""
        self._images.close()


def _loop(path: Path) -> Generator[Image, None, None]:
    """Yield the images of a video again and again; one without any raises InputError."""
    while True:
        video = VideoSettings(path, realtime=False).open()
        with closing(video), suppress(EndOfStream):
            while True:
                frame = video.read()
                assert frame is not None  # it is not read in real time
                yield frame.image


def _write(path: Path, images: Iterator[Image]) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FPS, SIZE)
    if not writer.isOpened():
        raise EmotiondError(f"{path}: OpenCV cannot write a video there")
    for image in images:
        writer.write(image)
    writer.release()


def _crowd() -> Iterator[Image]:
    """Yield images of a grid of faces, each at another point of the built-in clip."""
    cell = (SIZE[0] // COLUMNS, SIZE[1] // ROWS)
    heads: list[Image] = []
    capture = cv2.VideoCapture(str(CLIP), cv2.CAP_FFMPEG)
    while (read := capture.read())[0]:
        head = cv2.resize(read[1][HEAD], cell, interpolation=cv2.INTER_AREA)
        heads.append(np.asarray(head, dtype=np.uint8))
    for frame in range(FRAMES):
        cells = [
            heads[(frame + CELL_OFFSET * place) % len(heads)] for place in range(ROWS * COLUMNS)
        ]
        yield np.vstack(
            [np.hstack(cells[row : row + COLUMNS]) for row in range(0, len(cells), COLUMNS)]
        )


def _empty_room() -> Iterator[Image]:
    """Yield images of an empty room as a camera that stands still sees it."""
    room = _draw_room()
    random = np.random.default_rng(0)
    for _ in range(FRAMES):
        noisy = room + random.normal(0.0, NOISE, room.shape)
        yield np.clip(noisy, 0, 255).astype(np.uint8)


def _draw_room() -> Image:
    """Draw a wall with a window and a shelf of books, and a table in front."""
    width, height = SIZE
    light = np.linspace(190, 120, width, dtype=np.float32)[None, :, None]
    room = np.broadcast_to(light, (height, width, 3)).astype(np.uint8).copy()
    cv2.rectangle(room, (60, 60), (240, 260), (235, 225, 210), cv2.FILLED)
    cv2.rectangle(room, (60, 60), (240, 260), (90, 110, 130), 8)
    cv2.line(room, (150, 60), (150, 260), (90, 110, 130), 6)
    books = np.random.default_rng(7)
    for left in range(360, 600, 12):
        color, top = books.integers(30, 220, 3).tolist(), int(books.integers(90, 130))
        cv2.rectangle(room, (left, top), (left + 10, 200), color, cv2.FILLED)
    cv2.rectangle(room, (350, 200), (610, 212), (60, 90, 120), cv2.FILLED)
    cv2.rectangle(room, (0, 380), (width, height), (50, 80, 110), cv2.FILLED)
    return room
