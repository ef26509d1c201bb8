"""Camera source: a V4L2 camera, read by OpenCV."""

import time
from collections.abc import Callable
from typing import Annotated, ClassVar, Literal, TypeVar

import cv2
import msgspec

from edge.capture.source import as_readonly
from edge.errors import SourceError
from edge.types import Frame, KindSettings

T = TypeVar("T")


class CameraSettings(KindSettings, frozen=True, tag="camera"):
    """A camera and the image asked of it; one that cannot gives the nearest it has.

    Attributes:
        device: its number, or a path such as /dev/v4l/by-id/..., which survives replugging.
    """

    is_live: ClassVar[Literal[True]] = True

    device: Annotated[int, msgspec.Meta(ge=0, le=255)] | str = 0
    width: Annotated[int, msgspec.Meta(ge=64, le=7680)] = 640
    height: Annotated[int, msgspec.Meta(ge=64, le=4320)] = 480
    fps: Annotated[int, msgspec.Meta(ge=1, le=240)] = 30

    @property
    def location(self) -> str:
        """Device, as it may be logged."""
        return str(self.device)

    def open(self) -> "OpenCVSource":
        """Open the camera.

        Raises:
            SourceError: it is absent, in use, or not permitted.
        """
        capture = cv2.VideoCapture(self.device, cv2.CAP_V4L2)
        # MJPG first: over USB 2, raw images of 640x480 and more do not reach 30 a second.
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, self.width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, self.height)
        capture.set(cv2.CAP_PROP_FPS, self.fps)
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        return OpenCVSource(capture)


class OpenCVSource:
    """Live source that OpenCV reads; its frames carry the time at which they were read.

    Raises:
        SourceError: the device or stream did not open.
    """

    online = True

    def __init__(self, capture: cv2.VideoCapture) -> None:
        if not capture.isOpened():
            raise SourceError("cannot be opened")
        self._capture = capture
        self._index = 0

    def read(self) -> Frame:
        """Return the next frame; a SourceError tells that there are no more, or none came."""
        ok, image = self._call(self._capture.read)
        if not ok:
            raise SourceError("gives no more frames")
        now = time.monotonic()
        self._index += 1
        return Frame(as_readonly(image), self._index - 1, timestamp=now, captured=now)

    def skip(self) -> None:
        """Drop the next frame, as `read`; of a camera that gives JPEGs it is not even decoded."""
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
