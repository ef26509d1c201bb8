"""The contract of every source."""

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
            InputError: one input cannot be read; the next call goes on behind it.
            SourceError: the source died.
        """

    def close(self) -> None:
        """Let go of the device or file."""


@runtime_checkable
class LiveSource(Source, Protocol):
    """Gives frames whether or not they are read."""

    def skip(self) -> None:
        """Let the next frame pass without making a picture of it, once it has come.

        Raises:
            SourceError: the source died.
        """


def frames(source: Source, patience: float = math.inf) -> Iterator[Frame]:
    """Yield the frames of `source` until it ends; an input that cannot be read is logged.

    Args:
        source: what is read.
        patience: seconds to wait for a frame.

    Raises:
        SourceError: none came for longer than that.
    """
    deadline = time.monotonic() + patience
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
            deadline = time.monotonic() + patience
    raise SourceError(f"no picture came for {patience:.0f} s; is the camera there, and free?")


def frozen(image: object) -> Image:
    """Return OpenCV's picture as a read-only array, so that no stage can change another's."""
    picture = np.asarray(image, dtype=np.uint8)
    picture.flags.writeable = False
    return picture
