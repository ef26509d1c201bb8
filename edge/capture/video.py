"""Video source: a video file, played once.

Its clock begins at 0 with the first frame, and goes on by the container's times as long as they do:
where one is missing, repeated, goes back or leaps, the frame lasts as long as the announced rate
says. So videos without times (raw H.264), with an offset, and joined ones have a sound clock.
"""

import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import cv2

from edge.capture.source import MAX_WAIT, FileSettings, as_readonly, check_size
from edge.errors import InputError
from edge.paths import path_text
from edge.types import Frame

ANNOUNCED = (
    *(cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT),
    *(cv2.CAP_PROP_FRAME_COUNT, cv2.CAP_PROP_FPS),
)
"""What a video says of itself before anything of it is decoded."""

MAX_GAP_S = 60.0
"""Seconds between two frames above which the container's times are not believed."""

DEFAULT_FPS = 25.0
MAX_FPS = 1000.0
"""Frames a second of a container that says none, or more than any camera has."""

TRUNCATED_SECONDS = 0.5
TRUNCATED_SHARE = 0.05
"""A video is truncated when it ends earlier than announced by more than both of these: containers
round their length, and sound may outlast the image a little."""


@contextmanager
def open_video(path: Path) -> Iterator[cv2.VideoCapture]:
    """Open a video, whatever the bytes of its name: OpenCV takes UTF-8 alone.

    Raises:
        InputError: its name is no UTF-8, and it cannot be read.
    """
    with ExitStack() as stack:
        name = str(path)
        if name != path_text(path):
            try:
                file = stack.enter_context(path.open("rb"))
            except OSError as error:
                raise InputError(f"{path}: cannot be read: {error.strerror}") from error
            name = f"/proc/self/fd/{file.fileno()}"
        capture = cv2.VideoCapture(name, cv2.CAP_FFMPEG)
        stack.callback(capture.release)
        yield capture


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
        with open_video(self.path) as capture:
            try:
                yield from self._decoded(capture)
            except InputError as error:
                raise InputError(f"{self.path}: {error}") from error
            except cv2.error as error:
                raise InputError(f"{self.path}: cannot be decoded: {error.err}") from error

    def _decoded(self, capture: cv2.VideoCapture) -> Generator[Frame | None, None, None]:
        started_at, position, index, before = time.monotonic(), 0.0, 0, 0.0
        width, height, count, fps = map(capture.get, ANNOUNCED)
        fps = fps if 0 < fps <= MAX_FPS else DEFAULT_FPS
        check_size(width, height)
        while (found := capture.read())[0]:
            now = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            if index:
                position += now - before if 0 < now - before <= MAX_GAP_S else 1 / fps
            before = now
            while self.realtime and (wait := started_at + position - time.monotonic()) > 0:
                time.sleep(min(wait, MAX_WAIT))
                if wait > MAX_WAIT:
                    yield None
            yield Frame(as_readonly(found[1]), index, position, captured=time.monotonic())
            index += 1
        if not index:
            reason = ": it holds no frame" if capture.isOpened() else ""
            raise InputError(f"cannot be read as a video{reason}")
        announced, given = count / fps, position + 1 / fps
        if announced - given > max(TRUNCATED_SECONDS, TRUNCATED_SHARE * announced):
            raise InputError(f"truncated: expected {announced:.1f} s, found {given:.1f} s")
