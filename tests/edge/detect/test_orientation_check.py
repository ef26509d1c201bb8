"""Cameras that were mounted another way: what the doctor and the daemon say of them."""

import logging
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.capture.images import ImagesSettings
from edge.capture.source import ROTATIONS
from edge.detect import AutoSettings, open_detector
from edge.doctor.checks import check_orientation
from edge.errors import Level
from edge.track.scheduler import DetectionScheduler, SchedulerSettings
from edge.track.tracker import TrackerSettings
from edge.types import Image
from tests.edge.doctor.results import listed, only
from tests.events import frame


def rotated(images: list[Image], degrees: int) -> list[Image]:
    if not degrees:
        return images
    return [np.asarray(cv2.rotate(image, ROTATIONS[degrees]), np.uint8) for image in images]


def folder_of(path: Path, images: list[Image]) -> Path:
    path.mkdir()
    for number, image in enumerate(images):
        cv2.imwrite(str(path / f"{number:03}.png"), image)
    return path


@pytest.mark.parametrize("mounted", [90, 180, 270])
def test_the_doctor_says_which_rotation_shows_faces(
    clip: list[Image], tmp_path: Path, mounted: int
) -> None:
    source = ImagesSettings(folder_of(tmp_path / "images", rotated(clip[:6], mounted)))
    result = only(check_orientation(source, AutoSettings()))
    assert result.level is Level.WARNING
    assert f"set `rotation: {360 - mounted}` in `source`" in str(result)
    mended = ImagesSettings(source.path, rotation=360 - mounted)  # type: ignore[arg-type]
    assert only(check_orientation(mended, AutoSettings())).level is Level.OK


def test_a_mirrored_image_is_rotated_the_other_way(clip: list[Image], tmp_path: Path) -> None:
    path = folder_of(tmp_path / "images", rotated(clip[:6], 90))
    source = ImagesSettings(path, flip="horizontal")
    (remedy,) = [one.remedy for one in listed(check_orientation(source, AutoSettings()))]
    turn = int(str(remedy).split("rotation: ")[1].split("`")[0])
    mended = ImagesSettings(path, flip="horizontal", rotation=turn)  # type: ignore[arg-type]
    assert only(check_orientation(mended, AutoSettings())).level is Level.OK


def test_a_face_that_is_found_upside_down_too_is_still_surer_upright(
    media: Path, tmp_path: Path
) -> None:
    capture = cv2.VideoCapture(str(media / "intel_asl_sister.mkv"))
    images = [np.asarray(capture.read()[1], np.uint8) for _ in range(8)]
    upright = ImagesSettings(folder_of(tmp_path / "upright", images))
    assert only(check_orientation(upright, AutoSettings())).level is Level.OK
    inverted = ImagesSettings(folder_of(tmp_path / "inverted", rotated(images, 180)))
    result = only(check_orientation(inverted, AutoSettings()))
    assert "set `rotation: 180`" in str(result.remedy)


def test_a_source_without_a_face_or_with_few_images_is_no_warning(
    clip: list[Image], tmp_path: Path
) -> None:
    walls = [np.full((240, 320, 3), 90 + step, np.uint8) for step in range(6)]
    for name, images in (("walls", walls), ("few", rotated(clip[:2], 180))):
        source = ImagesSettings(folder_of(tmp_path / name, images))
        assert only(check_orientation(source, AutoSettings())).level is Level.OK


def test_a_source_that_cannot_be_read_has_one_failure_and_no_second(tmp_path: Path) -> None:
    assert listed(check_orientation(ImagesSettings(tmp_path / "gone"), AutoSettings())) == []


def watch(images: list[Image], seconds: int) -> DetectionScheduler:
    """Show images to a live scheduler, two a second."""
    detector = open_detector(AutoSettings())
    scheduler = DetectionScheduler(detector, TrackerSettings(), SchedulerSettings(), live=True)
    for step in range(2 * seconds):
        scheduler.update(frame(step / 2, image=images[step % len(images)]))
    return scheduler


def test_the_daemon_warns_once_of_a_camera_that_is_upside_down(
    clip: list[Image], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        watch(rotated(clip[:6], 180), 240)
    (told,) = caplog.messages
    assert "rotated by another 180 degrees" in told


def test_the_daemon_does_not_warn_of_a_camera_that_is_upright_or_sees_nobody(
    clip: list[Image], caplog: pytest.LogCaptureFixture
) -> None:
    walls = [np.full((240, 320, 3), 90 + 40 * step, np.uint8) for step in range(2)]
    with caplog.at_level(logging.WARNING):
        watch(clip[:6], 120)
        watch(walls, 120)
    assert caplog.messages == []
