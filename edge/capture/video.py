"""Video source: a video file, played once; FFmpeg (PyAV) decodes it, as it does streams.

PyAV is imported where something is read: it takes 18 MB.
"""

import logging
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import cv2
import numpy as np

from edge.capture.source import MAX_PIXELS, MAX_WAIT, FileSettings, as_readonly, check_size
from edge.errors import InputError
from edge.paths import path_text
from edge.types import Frame, Image

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

MAX_GAP_S = 60.0  # seconds between two frames above which the container's times are not believed
DEFAULT_FPS, MAX_FPS = 25.0, 240.0  # of a container that says none, or more than cameras have
MAX_ERRORS = 100  # failures in a row to find a packet of a damaged file, after which it has ended

TRUNCATED_SECONDS, TRUNCATED_SHARE = 0.5, 0.05
"""A video is truncated when it ends earlier than announced by more than both of these: containers
round their length, and sound may outlast the image a little."""

NO_FRAME = f"cannot be read as a video: it holds no frame of at most {MAX_PIXELS} pixels"

log = logging.getLogger(__name__)


def open_container(url: str, options: dict[str, str]) -> "InputContainer":
    """Open a file or a stream, whatever the bytes of its title; errors are PyAV's."""
    import av

    # PyAV 19 has no such argument any more: it reads any bytes.
    lenient: Any = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
    container: InputContainer = av.open(url, options=options, **lenient)
    return container


def find_video(container: "InputContainer", max_pixels: int = MAX_PIXELS) -> "av.VideoStream":
    """Return the stream that a player shows; InputError: none that can be shown, or too large."""
    from av.stream import Disposition

    stream = container.streams.best("video")
    if stream is None or stream.disposition & Disposition.attached_pic:
        raise InputError("cannot be read as a video: it holds none")
    video: av.VideoStream = stream  # type: ignore[assignment]  # what "video" asks for
    if video.codec_context is None:  # which PyAV's types deny
        raise InputError("cannot be read as a video: it has no known codec; convert it to H.264")
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


class VideoClock:
    """Position of each frame in seconds; 0 is where the container's images or sound begin.

    The times of frames count while each goes on from the one before. Where one is missing (raw
    H.264), repeated, goes back or leaps (joined parts), the frame lasts as the rate says. If those
    of packets go back less often, they count, as for FFmpeg: AVI has no others.
    """

    def __init__(self, container: "InputContainer", stream: "av.VideoStream") -> None:
        self._step, begin = 1 / rate_of(stream), 0.0
        if stream.start_time is not None and stream.time_base is not None:
            begin = float(stream.start_time * stream.time_base) - (container.start_time or 0) / 1e6
        self.position = (begin if 0 < begin <= MAX_GAP_S else 0.0) - self._step
        self._before: tuple[int | None, int | None] = (None, None)
        # How often times of frames and of packets did not go on; AVI has none of frames.
        self._faults = [int(container.format.name == "avi"), 0]

    def advance(self, frame: "av.VideoFrame") -> float:
        """Return the position of the next frame."""
        times = frame.pts, frame.dts
        pairs = zip(self._before, times, strict=True)
        passed = [0 if old is None or new is None else new - old for old, new in pairs]
        self._faults = [n + (one <= 0) for n, one in zip(self._faults, passed, strict=True)]
        self._before = times
        seconds = passed[self._faults[0] > self._faults[1]] * float(frame.time_base or 0)
        self.position += seconds if 0 < seconds <= MAX_GAP_S else self._step
        return self.position


@contextmanager
def open_video(path: Path) -> Iterator[tuple["InputContainer", "av.VideoStream"]]:
    """Open a video, whatever the bytes of its name, or raise an InputError."""
    import av

    try:
        # Named a file: "a:b.mp4" would be an address. Of what is a little too large, its first
        # frame is decoded all the same: otherwise FFmpeg forgets the size.
        container = open_container(f"file:{path}", {"max_pixels": str(2 * MAX_PIXELS)})
    except (OSError, av.FFmpegError) as error:
        reason = f": {error.strerror}" if isinstance(error, OSError) else ""
        raise InputError(f"{path}: cannot be read as a video{reason}") from error
    with container:
        try:
            yield container, find_video(container)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error


def rate_of(stream: "av.VideoStream") -> float:
    """Return frames a second, as far as the container knows."""
    rates = (float(rate) for rate in (stream.guessed_rate, stream.average_rate) if rate)
    return next((rate for rate in rates if 0 < rate <= MAX_FPS), DEFAULT_FPS)


def announced_seconds(container: "InputContainer", stream: "av.VideoStream") -> float:
    """Return the length that the container announces; 0 where it does not."""
    if container.format.name == "avi" and stream.time_base:  # its own is the size of the file
        return float(stream.frames * stream.time_base)
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / 1e6


def probe_video(path: Path) -> int:
    """Return how many frames a video announces; 0 where it does not."""
    with open_video(path) as (container, stream):
        guessed = round(announced_seconds(container, stream) * rate_of(stream))
        return guessed if container.format.name == "avi" else stream.frames or guessed


class VideoSettings(FileSettings, frozen=True, tag="video"):
    """A video; no frame of it is dropped.

    Attributes:
        realtime: play at the video's own speed rather than as fast as possible.
    """

    realtime: bool = True

    def frames(self) -> Generator[Frame | None, None, None]:
        """Yield frames when due, None after long waits; InputError: shorter than announced."""
        with open_video(self.path) as (container, stream):
            started_at, index, damaged, end = time.monotonic(), 0, 0, 0.0
            converter, clock = FrameConverter(stream), VideoClock(container, stream)

            def note(packet: "av.Packet[Any]") -> None:  # sound may outlast the images
                nonlocal end
                if packet.pts is not None and packet.time_base is not None:
                    end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))

            size: tuple[int, int] | None = None
            for frame in decode_frames(container, stream, note):
                if frame is None:
                    damaged += 1
                    continue
                position = clock.advance(frame)
                started_at -= 0.0 if index else position
                while self.realtime and (wait := started_at + position - time.monotonic()) > 0:
                    time.sleep(min(wait, MAX_WAIT))
                    if wait > MAX_WAIT:
                        yield None
                size = size or (frame.width, frame.height)
                image = converter.convert(frame, size)
                yield Frame(image, index, position, captured=time.monotonic())
                index += 1
            if damaged:
                log.warning("%s: damaged frames passed over: %d", path_text(self.path), damaged)
            if not index:
                raise InputError(NO_FRAME)
            announced, given = announced_seconds(container, stream), max(clock.position, end)
            if announced - given > max(TRUNCATED_SECONDS, TRUNCATED_SHARE * clock.position):
                raise InputError(f"truncated: expected {announced:.1f} s, found {given:.1f} s")
