"""Video source: a video file, played once."""

import time
from collections.abc import Generator
from pathlib import Path

import cv2

from edge.capture.source import MAX_WAIT, FileSettings, FileSource, as_readonly
from edge.errors import InputError
from edge.types import Frame, Image

TRUNCATED_SECONDS = 0.5
TRUNCATED_SHARE = 0.05
"""A video is truncated when it ends earlier than announced by more than both of these: containers
round their length, and sound may outlast the image a little."""


class VideoSettings(FileSettings, frozen=True, tag="video"):
    """A video; no frame of it is dropped.

    Attributes:
        realtime: play at the video's own speed rather than as fast as possible.
    """

    realtime: bool = True

    def open(self) -> "VideoSource":
        """Return the source; the file is opened when it is first read."""
        return VideoSource(self)


class VideoSource(FileSource):
    """Frames of one video; the file is opened when it is first read.

    An InputError tells that it cannot be read, or ends before its announced length.
    """

    def __init__(self, settings: VideoSettings) -> None:
        super().__init__(_frames(settings))


def _frames(settings: VideoSettings) -> Generator[Frame | None, None, None]:
    """Yield each frame when it is due, and None after each long wait until then."""
    capture = cv2.VideoCapture(str(settings.path), cv2.CAP_FFMPEG)
    started_at, position, index = time.monotonic(), 0.0, 0
    try:
        if not capture.isOpened():
            raise InputError(f"{settings.path}: cannot be read as a video")
        while (image := _decode(capture, settings.path)) is not None:
            position = max(position, capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
            while settings.realtime and (wait := started_at + position - time.monotonic()) > 0:
                time.sleep(min(wait, MAX_WAIT))
                if wait > MAX_WAIT:
                    yield None
            yield Frame(image, index, position, captured=time.monotonic())
            index += 1
        _check_end(capture, settings.path, position if index else None)
    finally:
        capture.release()


def _decode(capture: cv2.VideoCapture, path: Path) -> Image | None:
    """Return the next image, None at the end."""
    try:
        ok, image = capture.read()
    except cv2.error as error:
        raise InputError(f"{path}: cannot be decoded: {error.err}") from error
    return as_readonly(image) if ok else None


def _check_end(capture: cv2.VideoCapture, path: Path, position: float | None) -> None:
    """Raise an error where a video ends too early; its last frame was at `position`."""
    if position is None:
        raise InputError(f"{path}: cannot be read as a video: it holds no frame")
    fps = capture.get(cv2.CAP_PROP_FPS) or 25.0
    announced, given = capture.get(cv2.CAP_PROP_FRAME_COUNT) / fps, position + 1 / fps
    if announced - given > max(TRUNCATED_SECONDS, TRUNCATED_SHARE * announced):
        raise InputError(f"{path}: truncated: expected {announced:.1f} s, found {given:.1f} s")
