"""Short films for tests, cut from the built-in clip."""

import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np

from edge.commands.demo import CLIP
from edge.types import EmotionEvent, Image

FPS = 25.0


def frames_of(path: Path, count: int | None = None) -> list[Image]:
    """Return every frame of a film, or so many of the first ones: no more are decoded."""
    capture = cv2.VideoCapture(str(path))
    frames: list[Image] = []
    while count is None or len(frames) < count:
        there, image = capture.read()
        if not there:
            break
        frames.append(np.asarray(image, dtype=np.uint8))
    capture.release()
    return frames


def write_film(path: Path, frames: Sequence[Image], code: str = "mp4v") -> Path:
    """Write a film, and return its path."""
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), FPS, (width, height))
    assert writer.isOpened()
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path


def cut(path: Path, count: int = 60, code: str = "mp4v") -> Path:
    """Write a film of the first frames of the clip: one face, which changes once."""
    return write_film(path, frames_of(CLIP, count), code)


def without_face(path: Path, count: int = 10) -> Path:
    """Write a film of a wall."""
    return write_film(path, [np.full((240, 320, 3), 90, dtype=np.uint8)] * count)


def with_sound(film: Path, path: Path) -> Path:
    """Write a copy of a film with a tone in it, by the program ffmpeg."""
    tone = ["-f", "lavfi", "-i", "sine=frequency=440:duration=3"]
    command = ["ffmpeg", "-v", "error", "-i", str(film), *tone, "-shortest", "-c:v", "copy"]
    subprocess.run([*command, str(path)], check=True)
    return path


def told(events: Iterable[EmotionEvent]) -> list[tuple[object, ...]]:
    """Return what events say of a film; id, time and latency are of the run."""
    return [
        (event.type, event.track_id, event.position, event.emotion, event.probabilities, event.box)
        for event in events
    ]
