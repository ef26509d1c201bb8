"""Video source: a video file, played once."""

import time

import cv2

from edge.capture.source import MAX_WAIT, EndOfStream, FileSettings, as_readonly
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


class VideoSource:
    """Frames of one video, then EndOfStream."""

    online = True

    def __init__(self, settings: VideoSettings) -> None:
        self._settings = settings
        self._capture: cv2.VideoCapture | None = None
        self._started_at = 0.0
        self._index = 0
        self._position = 0.0
        self._next: Image | None = None
        self._ended = False

    def read(self) -> Frame | None:
        """Return the next frame, or None when it is not yet due.

        Raises:
            InputError: the file cannot be read, or ends before its announced length.
            EndOfStream: it ended.
        """
        if self._ended:
            raise EndOfStream
        if self._next is None:
            self._next = self._decode()
        if self._settings.realtime:
            wait = self._started_at + self._position - time.monotonic()
            time.sleep(min(max(0.0, wait), MAX_WAIT))
            if wait > MAX_WAIT:
                return None
        image, self._next = self._next, None
        self._index += 1
        return Frame(image, self._index - 1, self._position, captured=time.monotonic())

    def close(self) -> None:
        """Close the file."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _decode(self) -> Image:
        """Decode one frame and keep its position, which never goes back."""
        if self._capture is None:
            self._capture = cv2.VideoCapture(str(self._settings.path), cv2.CAP_FFMPEG)
            self._started_at = time.monotonic()
            if not self._capture.isOpened():
                self._ended = True
                raise InputError(f"{self._settings.path}: cannot be read as a video")
        capture = self._capture
        try:
            ok, image = capture.read()
        except cv2.error as error:
            self._ended = True
            raise InputError(f"{self._settings.path}: cannot be decoded: {error.err}") from error
        if not ok:
            raise self._end(capture)
        self._position = max(self._position, capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
        return as_readonly(image)

    def _end(self, capture: cv2.VideoCapture) -> Exception:
        """Return the exception for this end: regular, or too early."""
        self._ended = True
        fps = capture.get(cv2.CAP_PROP_FPS) or 25.0
        announced = capture.get(cv2.CAP_PROP_FRAME_COUNT) / fps
        given = self._position + 1 / fps if self._index else 0.0
        path = self._settings.path
        if self._index == 0:
            return InputError(f"{path}: cannot be read as a video: it holds no frame")
        if announced - given > max(TRUNCATED_SECONDS, TRUNCATED_SHARE * announced):
            return InputError(f"{path}: truncated: expected {announced:.1f} s, found {given:.1f} s")
        return EndOfStream()
