"""Camera source: a V4L2 camera, read by OpenCV; and JPEGs of cameras, split and decoded."""

import re
import time
from typing import Annotated

import cv2
import msgspec
import numpy as np

from edge.capture.source import Fps, Height, LiveSettings, Width, as_readonly, check_size
from edge.capture.v4l2 import ROOT, why_not_opened
from edge.errors import InputError, SourceError
from edge.types import Frame, Image

JPEG_FORMATS = {cv2.VideoWriter.fourcc(*name) for name in ("MJPG", "JPEG")}  # by the camera

JPEG_START, JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
"""Between the tables of a JPEG and its end, an FF is followed by 00 or a restart marker (ITU-T
T.81, B.1.1.5), so neither occurs inside one that carries no other, such as a thumbnail."""

JPEG_SIZE = re.compile(rb"\xff[\xc0-\xc2]\x00.\x08(..)(..)", re.DOTALL)
"""Frame header of a JPEG (ITU-T T.81, B.2.2): height and width, two bytes each."""

MAX_JPEG_BYTES = 1 << 24  # more than the largest image of a config takes at the best quality


class CameraSettings(LiveSettings, frozen=True, tag="camera"):
    """A camera and the image asked of it; one that cannot gives the nearest it has.

    Attributes:
        device: its number, or a path such as /dev/v4l/by-id/..., which survives replugging.
    """

    device: Annotated[int, msgspec.Meta(ge=0, le=255)] | str = 0
    width: Width = 640
    height: Height = 480
    fps: Fps = 30

    @property
    def location(self) -> str:
        """Device, as it may be logged."""
        return str(self.device)

    @property
    def node(self) -> str:
        """Path of the device, without a leading slash where it is known by its number."""
        return f"dev/video{self.device}" if isinstance(self.device, int) else self.device

    def open(self) -> "OpenCVSource":
        """Open the camera; a SourceError tells that it is absent, in use, or not permitted."""
        capture = cv2.VideoCapture(self.device, cv2.CAP_V4L2)
        if not capture.isOpened():
            raise SourceError(why_not_opened(ROOT / self.node))
        # MJPG first: over USB 2, raw images of 640x480 and more do not reach 30 a second.
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, self.width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, self.height)
        capture.set(cv2.CAP_PROP_FPS, self.fps)
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        # OpenCV would give its last good image again for an empty or damaged one.
        is_mjpg = int(capture.get(cv2.CAP_PROP_FOURCC)) in JPEG_FORMATS
        return OpenCVSource(capture, is_mjpg and capture.set(cv2.CAP_PROP_CONVERT_RGB, 0))


class OpenCVSource:
    """Live source that OpenCV reads, images or JPEGs as sent; each is stamped when it is read."""

    online = True

    def __init__(self, capture: cv2.VideoCapture, gives_jpegs: bool = False) -> None:
        check_size(capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        self._capture, self._gives_jpegs, self._index = capture, gives_jpegs, 0

    def read(self) -> Frame:
        """Return the next frame; one that is empty or damaged is an InputError."""
        try:
            ok, data = self._capture.read()
        except cv2.error as error:  # some failures are exceptions, others False
            raise SourceError(f"reading failed: {error}") from error
        now = time.monotonic()
        if not ok:
            raise SourceError("gives no more frames")
        image = decode_jpeg(data.tobytes()) if self._gives_jpegs else as_readonly(data)
        self._index += 1
        return Frame(image, self._index - 1, timestamp=now, captured=now)

    def skip(self) -> None:
        """Drop the next frame, as `read`; of a camera that gives JPEGs it is not even decoded."""
        if not self._capture.grab():
            raise SourceError("gives no more frames")

    def close(self) -> None:
        """Release the device."""
        self._capture.release()


class MjpegParser:
    """Splits a stream into JPEGs and keeps the newest; what is cut short is skipped."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> bytes | None:
        """Add the next bytes of the stream; return the last JPEG that they complete, if any."""
        searched = max(0, len(self._buffer) - 1)
        self._buffer += data
        end = self._buffer.rfind(JPEG_END, searched)
        if end < 0:
            if len(self._buffer) > MAX_JPEG_BYTES:
                self._buffer.clear()
            return None
        start = self._buffer.rfind(JPEG_START, 0, end)
        jpeg = bytes(self._buffer[start : end + len(JPEG_END)]) if start >= 0 else None
        del self._buffer[: end + len(JPEG_END)]
        return jpeg


def decode_jpeg(data: bytes) -> Image:
    """Return the image of a JPEG, BGR uint8 (height, width, 3), read-only.

    OpenCV decodes it in half of Pillow's time, but may give what is left of one that is cut short:
    that, and what is no JPEG, too large or damaged, is an InputError.
    """
    size = JPEG_SIZE.search(data) if data.startswith(JPEG_START) else None
    if not size:
        raise InputError(f"expected a JPEG, found {len(data)} bytes that are none")
    check_size(int.from_bytes(size[2]), int.from_bytes(size[1]))
    if data.rfind(JPEG_END) < size.end():  # a camera may fill up its buffer behind the end
        raise InputError("expected a whole JPEG, found one that is cut short")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    if image is None:
        raise InputError("expected a JPEG that can be decoded, found a damaged one")
    return as_readonly(image)
