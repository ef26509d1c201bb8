"""A video file, played once."""

import time
from pathlib import Path

import cv2
import msgspec

from edge.capture.source import EndOfStream, frozen
from edge.errors import InputError
from edge.records import Frame

TRUNCATED_SECONDS = 0.5
TRUNCATED_SHARE = 0.05
"""A film is called truncated when it ends earlier than announced by more than both of these:
containers round their length, and sound may outlast the picture a little."""


class VideoSettings(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="video"
):
    """A film; no frame of it is dropped.

    Attributes:
        pace: play at the film's own speed rather than as fast as possible.
    """

    path: Path
    pace: bool = True


class Video:
    """The frames of one film, then EndOfStream."""

    online = True

    def __init__(self, settings: VideoSettings) -> None:
        self._settings = settings
        self._capture: cv2.VideoCapture | None = None
        self._started = 0.0
        self._index = 0
        self._ended = False

    def read(self) -> Frame:
        """Return the next frame, when it is due.

        Raises:
            InputError: the file cannot be read, or ends before its announced length.
            EndOfStream: it is over.
        """
        if self._ended:
            raise EndOfStream
        capture = self._reach()
        there, image = capture.read()
        if not there:
            raise self._end(capture)
        timestamp = self._timestamp(capture)
        self._wait_until(timestamp)
        self._index += 1
        return Frame(frozen(image), self._index - 1, timestamp, captured=time.monotonic())

    def close(self) -> None:
        """Close the file."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _reach(self) -> cv2.VideoCapture:
        if self._capture is None:
            self._capture = cv2.VideoCapture(str(self._settings.path), cv2.CAP_FFMPEG)
            self._started = time.monotonic()
            self._seconds = 0.0
            if not self._capture.isOpened():
                self._ended = True
                raise InputError(f"{self._settings.path}: cannot be read as a video")
        return self._capture

    def _timestamp(self, capture: cv2.VideoCapture) -> float:
        """Position of the frame just read, in seconds, never falling back."""
        self._seconds = max(self._seconds, capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
        return self._seconds

    def _wait_until(self, timestamp: float) -> None:
        if self._settings.pace:
            time.sleep(max(0.0, self._started + timestamp - time.monotonic()))

    def _end(self, capture: cv2.VideoCapture) -> Exception:
        """Note the end and say which kind it is."""
        self._ended = True
        fps = capture.get(cv2.CAP_PROP_FPS) or 25.0
        announced = capture.get(cv2.CAP_PROP_FRAME_COUNT) / fps
        given = self._seconds + 1 / fps if self._index else 0.0
        path = self._settings.path
        if self._index == 0:
            return InputError(f"{path}: cannot be read as a video: it holds no frame")
        if announced - given > max(TRUNCATED_SECONDS, TRUNCATED_SHARE * announced):
            return InputError(f"{path}: truncated: expected {announced:.1f} s, found {given:.1f} s")
        return EndOfStream()
