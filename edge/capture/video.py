"""A video file, played once."""

import time
from pathlib import Path

import cv2
import msgspec

from edge.capture.source import EndOfStream, frozen
from edge.errors import InputError
from edge.types import Frame, Image

TRUNCATED_SECONDS = 0.5
TRUNCATED_SHARE = 0.05
"""A film is called truncated when it ends earlier than announced by more than both of these:
containers round their length, and sound may outlast the picture a little."""


LONGEST_WAIT = 0.5
"""Seconds; a slide show must not look like a hung capture."""


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
        self._seconds = 0.0
        self._next: Image | None = None
        self._ended = False

    def read(self) -> Frame | None:
        """Return the next frame, or None when it is not yet due.

        Raises:
            InputError: the file cannot be read, or ends before its announced length.
            EndOfStream: it is over.
        """
        if self._ended:
            raise EndOfStream
        if self._next is None:
            self._next = self._decode(self._reach())
        if not self._due():
            return None
        image, self._next = self._next, None
        self._index += 1
        return Frame(image, self._index - 1, self._seconds, captured=time.monotonic())

    def close(self) -> None:
        """Close the file."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _reach(self) -> cv2.VideoCapture:
        if self._capture is None:
            self._capture = cv2.VideoCapture(str(self._settings.path), cv2.CAP_FFMPEG)
            self._started = time.monotonic()
            if not self._capture.isOpened():
                self._ended = True
                raise InputError(f"{self._settings.path}: cannot be read as a video")
        return self._capture

    def _decode(self, capture: cv2.VideoCapture) -> Image:
        """Decode one picture and note its position, which never falls back."""
        try:
            there, image = capture.read()
        except cv2.error as error:
            self._ended = True
            raise InputError(f"{self._settings.path}: cannot be decoded: {error.err}") from error
        if not there:
            raise self._end(capture)
        self._seconds = max(self._seconds, capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
        return frozen(image)

    def _due(self) -> bool:
        """Wait a while for the moment of the next frame; tell whether it has come."""
        if not self._settings.pace:
            return True
        wait = self._started + self._seconds - time.monotonic()
        time.sleep(min(max(0.0, wait), LONGEST_WAIT))
        return wait <= LONGEST_WAIT

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
