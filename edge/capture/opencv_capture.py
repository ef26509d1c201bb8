"""Frames of a device or stream that gives them whether or not they are read."""

import time
from collections.abc import Callable
from typing import TypeVar

import cv2

from edge.capture.source import frozen
from edge.errors import SourceError
from edge.types import Frame

T = TypeVar("T")


class OpenCVSource:
    """An OpenCV capture whose frames carry the time at which they were read.

    Args:
        capture: what was opened.

    Raises:
        SourceError: it did not open.
    """

    online = True

    def __init__(self, capture: cv2.VideoCapture) -> None:
        if not capture.isOpened():
            raise SourceError("cannot be opened")
        self._capture = capture
        self._index = 0

    def read(self) -> Frame:
        """Return the next frame.

        Raises:
            SourceError: the device or stream ended or fell silent.
        """
        image = frozen(self._read_image())
        now = time.monotonic()
        self._index += 1
        return Frame(image, self._index - 1, timestamp=now, captured=now)

    def skip(self) -> None:
        """Let the next frame pass; of a camera that gives JPEGs it is not even decoded.

        Raises:
            SourceError: the device or stream ended or fell silent.
        """
        if not self._try(self._capture.grab):
            raise SourceError("gives no more frames")

    def close(self) -> None:
        """Let go of the device or stream."""
        self._capture.release()

    def _read_image(self) -> object:
        """Read one picture; OpenCV tells a failure in two ways."""
        there, image = self._try(self._capture.read)
        if not there:
            raise SourceError("gives no more frames")
        return image

    def _try(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except cv2.error as error:
            raise SourceError(f"reading failed: {error}") from error
