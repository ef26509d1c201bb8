"""Source protocol: what every source of frames does."""

import logging
import math
import time
from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import numpy as np

from edge.errors import InputError, SourceError
from edge.types import Frame, Image

log = logging.getLogger(__name__)


class EndOfStream(Exception):
    """A file or folder has given its last frame."""


class Source(Protocol):
    """Gives frames, one a call."""

    @property
    def online(self) -> bool | None:
        """Whether frames are coming; a camera that went away is offline; None: not yet tried."""

    def read(self) -> Frame | None:
        """Return the next frame, or None when there is none yet; waits about a second at most.

        Raises:
            EndOfStream: there will be no more.
            InputError: one input cannot be read; the next call continues after it.
            SourceError: the source failed.
        """

    def close(self) -> None:
        """Release the device or file."""


@runtime_checkable
class LiveSource(Source, Protocol):
    """Gives frames whether or not they are read."""

    def skip(self) -> None:
        """Wait for the next frame and drop it without decoding it.

        Raises:
            SourceError: the source failed.
        """


def iter_frames(source: Source, timeout: float = math.inf) -> Iterator[Frame]:
    """Yield the frames of `source` until it ends; an input that cannot be read is logged.

    Args:
        source: what is read.
        timeout: seconds to wait for a frame.

    Raises:
        SourceError: none came for longer than that.
    """
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
            yield frame
            deadline = time.monotonic() + timeout
    raise SourceError(f"no picture came for {timeout:.0f} s; is the camera there, and free?")


def as_readonly(image: object) -> Image:
    """Return OpenCV's image as a read-only array, so that no stage can change another's."""
    array = np.asarray(image, dtype=np.uint8)
    array.flags.writeable = False
    return array
