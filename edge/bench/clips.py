"""Clips to measure on: the built-in one, synthetic ones, and a source that repeats one."""

import time
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from edge.capture import EndOfStream
from edge.capture.source import read_first
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
        read_first(VideoSettings(Path(scene)).open())
        return Path(scene).absolute()
    path = folder / f"{scene.replace(' ', '-')}.mp4"
    if not path.exists():
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FPS, SIZE)
        if not writer.isOpened():
            raise EmotiondError(f"{path}: OpenCV cannot write a video there")
        for image in _crowd() if scene == CROWD else _empty_room():
            writer.write(image)
        writer.release()
    return path


class LoopingVideoSource:
    """Video source of a given length, in frames: repeats a video as fast as it is read."""

    online = True

    def __init__(self, path: Path, frames: int) -> None:
        self._video = _loop(path)
        self._frames = enumerate(islice(self._video, frames))

    def read(self) -> Frame:
        """Return the next frame.

        Raises:
            EndOfStream: all were given.
            InputError: the video cannot be read.
        """
        for index, image in self._frames:
            return Frame(image, index, timestamp=index / FPS, captured=time.monotonic())
        raise EndOfStream

    def close(self) -> None:
        """Close the video."""
        self._video.close()


def _loop(path: Path) -> Generator[Image, None, None]:
    """Yield the images of a video again and again; one without any raises InputError."""
    while True:
        video = VideoSettings(path, realtime=False).open()
        with closing(video), suppress(EndOfStream):
            while True:
                frame = video.read()
                assert frame is not None  # it is not read in real time
                yield frame.image


def _crowd() -> Iterator[Image]:
    """Yield images of a grid of faces, each at another point of the built-in clip."""
    cell = (SIZE[0] // COLUMNS, SIZE[1] // ROWS)
    with closing(_loop(CLIP)) as images:
        heads = [
            cv2.resize(image[HEAD], cell, interpolation=cv2.INTER_AREA)
            for image in islice(images, FRAMES + CELL_OFFSET * ROWS * COLUMNS)
        ]
    for frame in range(FRAMES):
        cells = heads[frame::CELL_OFFSET][: ROWS * COLUMNS]
        rows = [np.hstack(cells[COLUMNS * row :][:COLUMNS]) for row in range(ROWS)]
        yield np.vstack(rows).astype(np.uint8)


def _empty_room() -> Iterator[Image]:
    """Yield images of a wall with a shelf of books, as a camera that stands still sees them."""
    random = np.random.default_rng(7)
    light = np.linspace(190, 120, SIZE[0])[None, :, None]
    room = np.broadcast_to(light, (SIZE[1], SIZE[0], 3)).copy()
    for left in range(60, 600, 12):
        top, color = int(random.integers(90, 130)), random.integers(30, 220, 3)
        room[top:200, left : left + 10] = color
    room[380:] = (50, 80, 110)  # a table in front
    for _ in range(FRAMES):
        noisy = room + random.normal(0.0, NOISE, room.shape)
        yield np.clip(noisy, 0, 255).astype(np.uint8)
