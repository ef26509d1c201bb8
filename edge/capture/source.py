"""The contract of every source."""

from typing import Protocol

import numpy as np

from edge.records import Frame, Image


class EndOfStream(Exception):
    """A file or folder has given its last frame."""


class Source(Protocol):
    """Gives frames, one a call."""

    @property
    def online(self) -> bool:
        """Whether frames are coming; a camera that went away is offline."""

    def read(self) -> Frame | None:
        """Return the next frame, or None when there is none yet; waits about a second at most.

        Raises:
            EndOfStream: there will be no more.
            InputError: one input cannot be read; the next call goes on behind it.
            SourceError: the source died.
        """

    def close(self) -> None:
        """Let go of the device or file."""


def frozen(image: object) -> Image:
    """Return OpenCV's picture as a read-only array, so that no stage can change another's."""
    picture = np.asarray(image, dtype=np.uint8)
    picture.flags.writeable = False
    return picture
