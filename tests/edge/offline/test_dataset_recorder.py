import logging
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.capture.video import VideoSettings
from edge.commands.demo import CLIP
from edge.commands.models import record_faces
from edge.detect import open_detector
from edge.detect.detector import Detector
from edge.detect.haar import HaarSettings
from edge.errors import DataError
from edge.geometry import Box, CropCalibration
from edge.infer.crop import crop_gray
from edge.types import Face, Image
from tests.edge.cameras import FakeCamera


class Two:
    """A detector that finds a small face and a large one."""

    name = "two"
    searches_near = False
    crop_fit = CropCalibration(1.0, 0.0, 0.0)

    def detect(self, image: Image, near: Sequence[Box] = ()) -> list[Face]:
        return [Face(Box(0, 0, 20, 20), 9.0), Face(Box(40, 30, 100, 90), 1.0)]


PICTURE = np.random.default_rng(0).integers(0, 255, (100, 120, 3), dtype=np.uint8)


def read(path: Path) -> Image:
    """Return a picture as it was written."""
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), dtype=np.uint8)


@pytest.fixture
def haar() -> Detector:
    return open_detector(HaarSettings())


def test_a_film_gives_a_picture_of_48_grey_pixels_every_half_second(
    tmp_path: Path, haar: Detector
) -> None:
    source = VideoSettings(CLIP, realtime=False).open()
    paths = list(islice(record_faces(source, haar, tmp_path / "happy"), 6))
    assert [path.name for path in paths] == [f"{number:06d}.png" for number in range(1, 7)]
    assert source.read().timestamp == pytest.approx(2.5, abs=0.3)  # type: ignore[union-attr]
    for path in paths:
        assert read(path).shape == (48, 48)


def test_the_picture_is_what_the_daemon_would_classify_of_the_largest_face(tmp_path: Path) -> None:
    [path] = record_faces(FakeCamera([PICTURE]), Two(), tmp_path)
    assert np.array_equal(read(path), crop_gray(PICTURE, Box(40, 30, 100, 90), 48))


def test_a_frame_sooner_than_half_a_second_is_passed_over(tmp_path: Path) -> None:
    assert len(list(record_faces(FakeCamera([PICTURE] * 21, fps=10), Two(), tmp_path))) == 5


def test_pictures_are_numbered_on_from_the_last_and_none_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "000007.png").write_bytes(b"kept")
    (tmp_path / "mother.png").write_bytes(b"kept")
    [path] = record_faces(FakeCamera([PICTURE]), Two(), tmp_path)
    assert path.name == "000008.png"
    assert (tmp_path / "000007.png").read_bytes() == b"kept"
    assert len(list(tmp_path.iterdir())) == 3


def test_an_input_that_cannot_be_read_is_logged_and_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        paths = list(record_faces(FakeCamera([None, PICTURE]), Two(), tmp_path))
    assert len(paths) == 1
    assert "picture 7: is not a picture" in caplog.text


def test_frames_without_a_face_write_nothing(tmp_path: Path, haar: Detector) -> None:
    empty = np.full((240, 320, 3), 90, dtype=np.uint8)
    assert list(record_faces(FakeCamera([empty] * 10), haar, tmp_path)) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "happy").write_text("a file in its place")
    with pytest.raises(DataError, match="happy: cannot be made or read: File exists"):
        list(record_faces(FakeCamera([PICTURE]), Two(), tmp_path / "happy"))
