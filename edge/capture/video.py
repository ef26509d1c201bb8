"""Video source: a video file, played once."""

import time
from collections.abc import Generator

import cv2

from edge.capture.source import MAX_WAIT, FileSettings, as_readonly, check_size
from edge.errors import InputError
from edge.types import Frame

ANNOUNCED = (
    *(cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT),
    *(cv2.CAP_PROP_FRAME_COUNT, cv2.CAP_PROP_FPS),
)
"""What a video says of itself before anything of it is decoded."""

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

    def frames(self) -> Generator[Frame | None, None, None]:
        """Yield each frame when it is due, and None after each long wait until then.

        Raises:
            InputError: it cannot be read, is too large, or ends before its announced length.
        """
        capture = cv2.VideoCapture(str(self.path), cv2.CAP_FFMPEG)
        try:
            yield from self._decoded(capture)
        except InputError as error:
            raise InputError(f"{self.path}: {error}") from error
        except cv2.error as error:
            raise InputError(f"{self.path}: cannot be decoded: {error.err}") from error
        finally:
            capture.release()

    def _decoded(self, capture: cv2.VideoCapture) -> Generator[Frame | None, None, None]:
        started_at, position, index = time.monotonic(), 0.0, 0
        width, height, count, fps = map(capture.get, ANNOUNCED)
        check_size(width, height)
        while (found := capture.read())[0]:
            position = max(position, capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
            while self.realtime and (wait := started_at + position - time.monotonic()) > 0:
                time.sleep(min(wait, MAX_WAIT))
                if wait > MAX_WAIT:
                    yield None
            yield Frame(as_readonly(found[1]), index, position, captured=time.monotonic())
            index += 1
        if not index:
            reason = ": it holds no frame" if capture.isOpened() else ""
            raise InputError(f"cannot be read as a video{reason}")
        fps = fps or 25.0
        announced, given = count / fps, position + 1 / fps
        if announced - given > max(TRUNCATED_SECONDS, TRUNCATED_SHARE * announced):
            raise InputError(f"truncated: expected {announced:.1f} s, found {given:.1f} s")
