"""A film as a source for measurements: as long as asked, as fast as it is read or in real time."""

import time
from pathlib import Path

from edge.capture import EndOfStream
from edge.capture.video import VideoSettings, VideoSource
from edge.types import Frame

FILM_FPS = 25.0
"""Frames a second of what is not shown in real time; it only tells how far apart frames are."""


class Reel:
    """Shows a film, again and again, for a number of frames.

    Args:
        film: its path.
        frames: how many are shown.
        fps: of a camera that gives them in real time; None shows them as fast as they are read.
    """

    online = True

    def __init__(self, film: Path, frames: int, fps: float | None = None) -> None:
        self._settings = VideoSettings(film, pace=False)
        self._video = VideoSource(self._settings)
        self._frames = frames
        self._fps = fps
        self._index = 0
        self._started = 0.0

    def read(self) -> Frame:
        """Return the next frame, when it is due.

        Raises:
            EndOfStream: so many were shown.
            InputError: the film cannot be read.
        """
        if self._index == self._frames:
            raise EndOfStream
        now = self._wait() if self._fps else None
        image = self._next().image
        captured = time.monotonic()
        position = self._index / FILM_FPS if now is None else captured
        self._index += 1
        return Frame(image, self._index - 1, timestamp=position, captured=captured)

    def close(self) -> None:
        """Close the film."""
        self._video.close()

    def _wait(self) -> float:
        """Sleep until the next frame of the camera; return when it was due."""
        assert self._fps
        self._started = self._started or time.monotonic()
        due = self._started + self._index / self._fps
        time.sleep(max(0.0, due - time.monotonic()))
        return due

    def _next(self) -> Frame:
        """Return the film's next frame, its first behind its last."""
        for _ in range(2):
            try:
                frame = self._video.read()
            except EndOfStream:
                self._video.close()
                self._video = VideoSource(self._settings)
            else:
                assert frame is not None  # it is not shown at its own pace
                return frame
        raise EndOfStream  # a film without a frame says so itself, as InputError
