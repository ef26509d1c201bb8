"""OpenCV source: frames of a device or stream that OpenCV opened."""

import time
from collections.abc import Callable
from typing import TypeVar

import cv2

from edge.capture.source import as_readonly
from edge.errors import SourceError
from edge.types import Frame

T = TypeVar("T")


class OpenCVSource:
    """Live source whose frames carry the time at which they were read.

    Args:
        capture: an opened device or stream.

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
        ok, image = self._call(self._capture.read)
        if not ok:
            raise SourceError("gives no more frames")
        now = time.monotonic()
        self._index += 1
        return Frame(as_readonly(image), self._index - 1, timestamp=now, captured=now)

    def skip(self) -> None:
        """Drop the next frame; of a camera that gives JPEGs it is not even decoded.

        Raises:
            SourceError: the device or stream ended or fell silent.
        """
        if not self._call(self._capture.grab):
            raise SourceError("gives no more frames")

    def close(self) -> None:
        """Release the device or stream."""
        self._capture.release()

    def _call(self, method: Callable[[], T]) -> T:
        """Call a method of OpenCV, which reports some failures as exceptions, others as False."""
        try:
            return method()
        except cv2.error as error:
            raise SourceError(f"reading failed: {error}") from error
