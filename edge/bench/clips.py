"""What is shown to what is measured: the built-in clip, and films made of it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from edge.commands.demo_run import CLIP
from edge.errors import EmotiondError
from edge.types import Image

ONE_FACE, CROWD, NOBODY = "one face", "20 faces", "nobody"

SIZE = (640, 480)

FRAMES, FPS = 100, 25.0
"""Of the films that are made."""

ROWS, COLUMNS = 4, 5
"""How the crowd stands."""

HEAD = (slice(79, 398), slice(134, 474))
"""Rows and columns of the clip's pictures in which its face moves, in the shape of a place in the
crowd."""

APART = 17
"""Frames of the clip between neighbours in the crowd: each shows something else."""

NOISE = 2.0
"""Grey values (standard deviation) by which a webcam's pixels waver in a lit room."""


def film_of(scene: str, folder: Path) -> Path:
    """Return the film of a scene, making it in `folder` where there is none yet.

    Args:
        scene: one of this module's, or the path of a film.
        folder: for films that are made.

    Raises:
        EmotiondError: there is no such film.
    """
    making: dict[str, Callable[[], Iterator[Image]]] = {CROWD: _crowd, NOBODY: _nobody}
    if scene == ONE_FACE:
        return CLIP
    if scene not in making:
        return _checked(Path(scene))
    path = folder / f"{scene.replace(' ', '-')}.mp4"
    if not path.exists():
        _write(path, making[scene]())
    return path


def _checked(film: Path) -> Path:
    if not cv2.VideoCapture(str(film), cv2.CAP_FFMPEG).read()[0]:
        raise EmotiondError(f"{film}: cannot be read as a video")
    return film.absolute()


def _write(path: Path, pictures: Iterator[Image]) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FPS, SIZE)
    if not writer.isOpened():
        raise EmotiondError(f"{path}: OpenCV cannot write a film")
    for picture in pictures:
        writer.write(picture)
    writer.release()


def _crowd() -> Iterator[Image]:
    """Yield pictures with as many faces as there are places, each at another point of the clip."""
    heads = list(_heads())
    for number in range(FRAMES):
        places = [heads[(number + APART * place) % len(heads)] for place in range(ROWS * COLUMNS)]
        rows = [np.hstack(places[first : first + COLUMNS]) for first in range(0, 20, COLUMNS)]
        yield np.vstack(rows)


def _heads() -> Iterator[Image]:
    clip = cv2.VideoCapture(str(CLIP), cv2.CAP_FFMPEG)
    place = (SIZE[0] // COLUMNS, SIZE[1] // ROWS)
    while (shown := clip.read())[0]:
        head = cv2.resize(shown[1][HEAD], place, interpolation=cv2.INTER_AREA)
        yield np.asarray(head, dtype=np.uint8)


def _nobody() -> Iterator[Image]:
    """Yield pictures of a room that nobody is in, as a camera that stands still sees it."""
    room = _room()
    noise = np.random.default_rng(0)
    for _ in range(FRAMES):
        wavering = room + noise.normal(0.0, NOISE, room.shape)
        yield np.clip(wavering, 0, 255).astype(np.uint8)


def _room() -> Image:
    """Draw a wall with a window and a shelf of books, and a table before it."""
    width, height = SIZE
    light = np.linspace(190, 120, width, dtype=np.float32)[None, :, None]
    room = np.broadcast_to(light, (height, width, 3)).astype(np.uint8).copy()
    cv2.rectangle(room, (60, 60), (240, 260), (235, 225, 210), cv2.FILLED)
    cv2.rectangle(room, (60, 60), (240, 260), (90, 110, 130), 8)
    cv2.line(room, (150, 60), (150, 260), (90, 110, 130), 6)
    books = np.random.default_rng(7)
    for left in range(360, 600, 12):
        colour, top = books.integers(30, 220, 3).tolist(), int(books.integers(90, 130))
        cv2.rectangle(room, (left, top), (left + 10, 200), colour, cv2.FILLED)
    cv2.rectangle(room, (350, 200), (610, 212), (60, 90, 120), cv2.FILLED)
    cv2.rectangle(room, (0, 380), (width, height), (50, 80, 110), cv2.FILLED)
    return room
