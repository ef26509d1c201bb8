from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.geometry import Box, KeyPoints, Point
from edge.types import Face, Image
from tests.converter.detector.annotated_images import Told
from tools.pose_eval import PoseSample, fill_table, tilt_table, turn_table

EYES = {(0, 0, 255): "right", (0, 255, 0): "left"}


def _face() -> PoseSample:
    """A gray oval, its right eye red and its left eye green."""
    image = np.full((240, 320, 3), 90, np.uint8)
    cv2.ellipse(image, (160, 120), (30, 40), 0, 0, 360, (160, 160, 160), -1)
    for x, color in ((145, (0, 0, 255)), (175, (0, 255, 0))):
        cv2.circle(image, (x, 110), 5, color, -1)
    return PoseSample(image, Box(130, 80, 190, 160))


class FindsEyes(Told):
    """Finds the eyes by their colors, and a face around the middle of the image."""

    def detect(self, image: Image, near: object = ()) -> list[Face]:
        eyes = {}
        for color, name in EYES.items():
            y, x = np.nonzero((np.abs(image.astype(int) - color) < 60).all(axis=2))
            eyes[name] = Point(float(x.mean()), float(y.mean()))
        nose, mouth = Point(160, 125), Point(160, 140)
        points = KeyPoints(eyes["right"], eyes["left"], nose, mouth)
        return [Face(Box(130, 80, 190, 160), 0.9, points)]


def test_a_tilt_that_was_added_is_told_and_its_error_is_small() -> None:
    rows = list(tilt_table([_face()], FindsEyes()))[2:]
    assert [row.split("|")[1].strip() for row in rows] == ["0", "15", "30", "45"]
    assert all(float(row.split("|")[3]) == 1 for row in rows)
    assert all(float(row.split("|")[4]) < 2 for row in rows)


def test_a_detector_that_sees_nothing_there_finds_none() -> None:
    rows = list(tilt_table([_face()], Told((0, 0, 0.1, 0.1))))[2:]
    assert all(float(row.split("|")[3]) == 0 for row in rows)


def test_a_cut_shows_the_face_as_high_as_was_asked_for() -> None:
    part = _face().filled(0.8)
    assert part is not None
    assert part.shape == (100, 100, 3)
    assert PoseSample(part, Box(20, 10, 80, 90)).filled(0.5) is None  # it would reach beyond


def test_images_in_which_nothing_is_found_are_counted() -> None:
    rows = list(fill_table([_face()], "haar"))[2:]
    assert [row.split("|")[2:4] for row in rows] == [[" 1 ", " 0.000 "]] * 5


def test_a_detector_turns_as_itself() -> None:
    samples = [_face()] * 2
    with pytest.raises(Exception, match="three faces that both detectors find"):
        list(turn_table(samples, FindsEyes(), FindsEyes()))


def test_the_command_needs_photographs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tools.pose_eval import main

    with pytest.raises(SystemExit, match=r"annotations\.csv"):
        main(["--data", str(tmp_path)])
