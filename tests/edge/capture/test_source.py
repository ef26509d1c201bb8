import numpy as np
import pytest

from edge.capture.source import iter_frames
from edge.errors import SourceError
from edge.types import Frame
from tests.edge.cameras import FakeCamera

IMAGE = np.zeros((4, 4, 3), dtype=np.uint8)


class Absent(FakeCamera):
    """A camera that is not there."""

    def read(self) -> Frame | None:  # type: ignore[override]
        return None


def test_frames_end_with_the_source_and_what_cannot_be_read_is_skipped() -> None:
    assert [frame.index for frame in iter_frames(FakeCamera([IMAGE, None, IMAGE]))] == [0, 2]


def test_a_source_that_gives_nothing_is_given_up_after_a_while() -> None:
    with pytest.raises(SourceError, match="no picture came for 0 s; is the camera there"):
        next(iter_frames(Absent([]), timeout=0.05))
