"""Source protocol, settings of live sources and files, orientation, and reading to the end."""

import logging
import math
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Protocol

import cv2
import msgspec
import numpy as np

from edge.errors import InputError, SourceError
from edge.types import Frame, Image, KindSettings
from edge.zones import Polygon, black_out

MAX_WAIT = 0.5  # longest single wait, in seconds, so that a stop is answered soon
ROUNDING_S = 0.002  # seconds by which frames may come early: containers round their times
MAX_PIXELS = 50_000_000  # of an image that is not refused: decoding takes seven bytes for each

log = logging.getLogger(__name__)

Width = Annotated[int, msgspec.Meta(ge=64, le=7680)]
Height = Annotated[int, msgspec.Meta(ge=64, le=4320)]
Fps = Annotated[int, msgspec.Meta(ge=1, le=240)]
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]

ROTATIONS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
FLIPS = {"vertical": 0, "horizontal": 1, "both": -1}  # codes of cv2.flip
WHOLE: tuple[Share, Share, Share, Share] = (0.0, 0.0, 1.0, 1.0)
FileItems = Generator[Frame | InputError | None, None, None]
"""Frames, None while none is due, and errors of single inputs; one that is raised is the end."""


class OrientedSettings(KindSettings, frozen=True, kw_only=True):
    """Settings of orientation, region and rate, applied to each frame before it is searched.

    Attributes:
        rotation: degrees clockwise by which the image is rotated.
        flip: how it is mirrored after that; `both` is half a turn.
        crop: left, top, right and bottom of the part that is kept, as shares of the rotated image.
        max_fps: frames a second at most; null takes all.
    """

    rotation: Literal[0, 90, 180, 270] = 0
    flip: Literal["none", "horizontal", "vertical", "both"] = "none"
    crop: tuple[Share, Share, Share, Share] = WHOLE
    max_fps: Annotated[float, msgspec.Meta(gt=0.0, le=240.0)] | None = None

    def __post_init__(self) -> None:
        left, top, right, bottom = self.crop
        if left >= right or top >= bottom:
            raise ValueError("Expected `crop` as [left, top, right, bottom]")

    @property
    def min_interval_s(self) -> float:
        """Seconds between two frames at least."""
        return 1 / self.max_fps if self.max_fps else 0.0

    def oriented(self, frame: Frame) -> Frame:
        """Return a frame as it is shown and searched; boxes are in its pixels."""
        image = orient(frame.image, self)
        return frame if image is frame.image else replace(frame, image=image)


def orient(image: Image, settings: OrientedSettings) -> Image:
    """Return an image rotated, flipped and cropped, read-only; the same where nothing is asked."""
    result = image
    if settings.rotation:
        result = np.asarray(cv2.rotate(result, ROTATIONS[settings.rotation]), np.uint8)
    if settings.flip != "none":
        result = np.asarray(cv2.flip(result, FLIPS[settings.flip]), np.uint8)
    if settings.crop != WHOLE:
        height, width = result.shape[:2]
        left, right = (round(share * width) for share in settings.crop[::2])
        top, bottom = (round(share * height) for share in settings.crop[1::2])
        part = result[top : max(bottom, top + 1), left : max(right, left + 1)]
        result = np.ascontiguousarray(part)
    if result is not image:
        result.flags.writeable = False
    return result


class LiveSettings(OrientedSettings, frozen=True, kw_only=True):
    """A camera or stream: its frames come whether or not they are read.

    Attributes:
        blind_after_s: seconds of one image until it is `frozen`, of black ones `dark`; 0 is never.
    """

    is_live: ClassVar[Literal[True]] = True

    blind_after_s: Annotated[float, msgspec.Meta(ge=0.0, le=86400.0)] = 60.0

    @property
    def max_silence_s(self) -> float:
        """Seconds for which a sound source may give no frame."""
        return self.min_interval_s


class FileSettings(OrientedSettings, frozen=True):
    """A video, or one image or more: nothing of it is dropped."""

    is_live: ClassVar[Literal[False]] = False

    path: Path

    @property
    def location(self) -> str:
        """Path, as it may be logged."""
        return str(self.path)

    def open(self) -> "FileSource":
        """Return the source; files are opened as they are read."""
        return FileSource(self.frames(), self)

    def frames(self) -> "FileItems":
        """Yield each frame, None while none is due, or why an input cannot be read."""
        raise NotImplementedError


class OversizedError(InputError):
    """An image with more pixels than may be decoded."""


class EndOfStream(Exception):
    """A file or folder has given its last frame."""


class Source(Protocol):
    """Gives frames, one a call."""

    @property
    def online(self) -> bool | None:
        """Tell whether frames are coming; None where no try has ended yet."""

    def read(self) -> Frame | None:
        """Return the next frame, or None when there is none yet; waits about a second at most.

        Raises:
            EndOfStream: there will be no more.
            InputError: one input cannot be read, or is damaged; the next call continues after it.
            SourceError: the source failed, or fell silent.
        """

    def close(self) -> None:
        """Release the device or file."""


class LiveSource(Source, Protocol):
    """Gives frames whether or not they are read."""

    def skip(self) -> None:
        """Wait for the next frame and drop it, undecoded; SourceError where the source failed."""


class FileSource:
    """Source of what a generator yields, oriented and thinned out by `settings`."""

    online = True

    def __init__(self, items: FileItems, settings: OrientedSettings) -> None:
        self._items, self._settings = items, settings
        self._next_at = 0.0

    def read(self) -> Frame | None:
        """Return the next frame, None where it is not yet due; errors as `Source`."""
        for item in self._items:
            if isinstance(item, InputError):
                raise item
            if item is None:
                return None
            if item.timestamp >= self._next_at - ROUNDING_S:
                interval = self._settings.min_interval_s
                self._next_at = max(self._next_at, item.timestamp - interval) + interval
                return self._settings.oriented(item)
        raise EndOfStream

    def close(self) -> None:
        """Close the file."""
        self._items.close()


def iter_frames(
    source: Source, timeout: float = math.inf, ignore: Sequence[Polygon] = ()
) -> Iterator[Frame]:
    """Yield frames to the end, `ignore` in black; SourceError: none came for `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        try:
            frame = source.read()
        except EndOfStream:
            return
        except InputError as error:
            log.error("%s", error)
            continue
        if frame is not None:
            yield black_out(frame, ignore)
            deadline = time.monotonic() + timeout
    raise SourceError(f"no image came for {timeout:.0f} s; is the camera there, and free?")


def read_first(source: Source) -> Frame:
    """Return the first readable frame, and close; SourceError: why the first input is none."""
    failure: InputError | None = None
    try:
        while True:
            try:
                if (frame := source.read()) is not None:
                    return frame
            except InputError as error:  # one image of a folder: the next may do
                failure = failure or error
    except EndOfStream:
        raise failure or InputError("holds no image") from None
    finally:
        source.close()


def check_size(width: float, height: float, max_pixels: int = MAX_PIXELS) -> None:
    """Raise an OversizedError where an image has more than `max_pixels`."""
    if width * height > max_pixels:
        text = f"expected at most {max_pixels} pixels, found {width:.0f}x{height:.0f}"
        raise OversizedError(text)


def as_readonly(image: object) -> Image:
    """Return OpenCV's image as a read-only array, so that no stage can change another's."""
    array = np.asarray(image, dtype=np.uint8)
    check_size(array.shape[1], array.shape[0])
    array.flags.writeable = False
    return array
