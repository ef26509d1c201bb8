"""What a film says of itself."""

from dataclasses import dataclass
from pathlib import Path

import cv2

from edge.errors import InputError


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """A film's size and length, as it announces them itself; the length may be wrong, or 0."""

    width: int
    height: int
    fps: float
    frames: int


def probe_video(path: Path) -> VideoInfo:
    """Return what a film says of itself.

    Raises:
        InputError: it is none.
    """
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        if not path.exists() or not capture.isOpened():
            reason = "cannot be read as a video" if path.exists() else "there is no such file"
            raise InputError(f"{path}: {reason}")
        width, height, fps, frames = (
            capture.get(key)
            for key in (
                cv2.CAP_PROP_FRAME_WIDTH,
                cv2.CAP_PROP_FRAME_HEIGHT,
                cv2.CAP_PROP_FPS,
                cv2.CAP_PROP_FRAME_COUNT,
            )
        )
    finally:
        capture.release()
    return VideoInfo(int(width), int(height), fps or 25.0, max(0, int(frames)))
