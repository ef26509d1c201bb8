"""Videos by FFmpeg (PyAV, imported where one is read: it takes 18 MB), as a player shows them."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, cast

import cv2
import numpy as np

from edge.capture.source import MAX_PIXELS, as_readonly, check_size
from edge.errors import InputError
from edge.types import Image

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

MAX_ERRORS = 100  # failures in a row to find a packet of a damaged file, after which it has ended


def open_container(url: str, options: dict[str, str]) -> "InputContainer":
    """Open a file or a stream, whatever the bytes of its title; errors are PyAV's."""
    import av

    # PyAV 19 has no such argument any more: it reads any bytes.
    lenient: Any = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
    container: InputContainer = av.open(url, options=options, **lenient)
    return container


def find_video(container: "InputContainer", max_pixels: int = MAX_PIXELS) -> "av.VideoStream":
    """Return the stream that a player shows; InputError: none, too large, or a cover of music."""
    from av.stream import Disposition

    stream = container.streams.best("video")
    if stream is None or stream.disposition & Disposition.attached_pic:
        raise InputError("cannot be read as a video: it holds none")
    video: av.VideoStream = stream  # type: ignore[assignment]  # what "video" asks for
    check_size(video.codec_context.width, video.codec_context.height, max_pixels)
    video.codec_context.options = {"max_pixels": str(max_pixels)}
    return video


class FrameConverter:
    """Makes stored frames upright images of square pixels, with colors by matrix and range."""

    def __init__(self, stream: "av.VideoStream") -> None:
        from av.video.reformatter import VideoReformatter

        self._aspect = float(stream.sample_aspect_ratio or 1)
        self._reformatter = VideoReformatter()
        self._rotation: int | None = None
        self._matrix: list[int] | None = None

    def convert(self, frame: "av.VideoFrame", size: tuple[int, int] | None = None) -> Image:
        """Return a read-only image, BGR uint8 (height, width, 3), or raise an OversizedError."""
        width, height = size or (frame.width, frame.height)  # to which it is scaled, as stored
        width = round(width * self._aspect)
        check_size(width, height)
        bgr = self._reformatter.reformat(frame, width, height, "bgr24", threads=1)
        image = np.asarray(bgr.to_ndarray(), np.uint8)
        if frame.rotation != self._rotation:
            # Of the first frame, and when it changes: a frame and its side data hold each other, so
            # that they would pile up until the garbage collection.
            side_data: Any = frame.side_data  # PyAV's own type names one of its kinds alone
            matrix = side_data.get("DISPLAYMATRIX")
            self._rotation = frame.rotation
            self._matrix = None if matrix is None else np.frombuffer(matrix, np.int32).tolist()
        return as_readonly(_upright(image, self._matrix) if self._matrix else image)


def _upright(image: Image, matrix: list[int]) -> Image:
    """Turn an image by its display matrix: (x, y) to (ax + cy, bx + dy), libavutil/display.h."""
    right, down_of_x, _, right_of_y, down = matrix[:5]
    if abs(right) + abs(down) < abs(down_of_x) + abs(right_of_y):
        image = np.asarray(cv2.transpose(image), np.uint8)
        right, down = right_of_y, down_of_x
    if right < 0 or down < 0:
        code = -1 if right < 0 and down < 0 else int(right < 0)
        image = np.asarray(cv2.flip(image, code), np.uint8)
    return image


def decode_frames(
    container: "InputContainer",
    stream: "av.VideoStream",
    note: Callable[["av.Packet[Any]"], object] = lambda packet: None,
) -> Iterator["av.VideoFrame | None"]:
    """Yield a file's frames, None for damaged ones; `note` gets each packet, of all its streams."""
    from av.error import FFmpegError

    stream.thread_type, failures = "AUTO", 0
    while failures < MAX_ERRORS:
        try:
            for packet in container.demux():
                failures = 0
                note(packet)
                if packet.stream is stream:
                    yield from decode_packet(stream.codec_context, cast(Any, packet))
        except FFmpegError:  # between two packets: the next try begins behind it
            failures += 1
        else:
            return
    yield from decode_packet(stream.codec_context, None)


def decode_packet(
    context: "av.VideoCodecContext", packet: "av.Packet[av.VideoStream] | None"
) -> list["av.VideoFrame | None"]:
    """Return the frames that a packet completes, None for what is damaged; no packet is the end."""
    from av.error import FFmpegError

    try:
        return [None if frame.is_corrupt else frame for frame in context.decode(packet)]
    except FFmpegError:
        return [None]
