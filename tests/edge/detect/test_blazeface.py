import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.detect.blazeface import (
    NMS_IOU,
    BlazeFace,
    BlazeFaceSettings,
    MediaPipe,
    MediaPipeSettings,
    Range,
    anchors,
    decode,
    tiles,
)
from edge.detect.detector import weighted_nms
from edge.errors import ConfigError, ModelError
from edge.types import Image
from tests.edge.detect.likeness import MEDIAPIPE, disagreements, faces_from_json, pictures


def floats(values: list[Any]) -> NDArray[np.float32]:
    return np.array(values, dtype=np.float32)


def test_there_is_an_anchor_for_each_answer_of_the_published_networks() -> None:
    assert anchors(((48, 1),)).shape == (2304, 2)
    assert anchors(((16, 2), (8, 6))).shape == (896, 2)


def test_anchors_lie_in_the_middle_of_their_cells_row_by_row() -> None:
    assert anchors(((2, 1),)).tolist() == [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]]
    assert anchors(((1, 2),)).tolist() == [[0.5, 0.5], [0.5, 0.5]]


def test_an_answer_is_read_relative_to_its_anchor() -> None:
    row = np.zeros((1, 16), np.float32)
    row[0, :6] = 0.1, 0.0, 0.2, 0.4, -0.05, 0.05
    scores, values = decode(floats([2.0]), row, floats([[0.5, 0.5]]), 0.6)
    assert scores == pytest.approx([0.881], abs=0.001)
    assert values[0, :6] == pytest.approx([0.5, 0.3, 0.7, 0.7, 0.45, 0.55])
    assert values[0, 6:] == pytest.approx([0.5] * 10)


def test_what_is_too_doubtful_is_left_out_whatever_its_score() -> None:
    rows, centers = np.zeros((3, 16), np.float32), np.full((3, 2), 0.5, np.float32)
    scores, _ = decode(floats([-1e9, 0.0, 1e9]), rows, centers, 0.6)
    assert scores.tolist() == [1.0]


def row(x: float, side: float) -> list[float]:
    return [x, 0.0, x + side, side, *[x] * 12]


def test_answers_of_one_face_are_averaged_by_their_scores() -> None:
    values = floats([row(0.0, 1.0), row(0.1, 1.0), row(5.0, 1.0)])
    scores = floats([0.9, 0.6, 0.7])
    (first, face), (second, other) = weighted_nms(scores, values, NMS_IOU)
    assert (scores[first], scores[second]) == pytest.approx((0.9, 0.7))
    assert face[:4] == pytest.approx([0.04, 0.0, 1.04, 1.0])
    assert other[:4] == pytest.approx([5.0, 0.0, 6.0, 1.0])


def test_an_answer_without_area_is_a_face_of_its_own_and_ends() -> None:
    values = floats([row(0.0, 0.0), row(0.0, 0.0)])
    assert len(list(weighted_nms(floats([0.9, 0.8]), values, NMS_IOU))) == 2


def test_tiles_overlap_and_cover_the_longer_side() -> None:
    left, right = tiles(1280, 720, 2)
    assert (left.x1, left.x2, right.x1, right.x2) == (0, 768, 512, 1280)
    assert [(box.y1, box.y2) for box in (left, right)] == [(0, 720)] * 2
    assert [(box.y1, box.y2) for box in tiles(100, 1000, 2)] == [(0, 600), (400, 1000)]
    assert len(tiles(5, 5, 8)) == 8


def test_one_face_is_found_in_every_average_face(clip: list[Image], blazeface: None) -> None:
    usual = BlazeFace(BlazeFaceSettings())
    lenient = BlazeFace(BlazeFaceSettings(min_confidence=0.15))
    assert [len(lenient.detect(image)) for image in clip] == [1] * len(clip)
    # The last two, angry and disgusted, are so blurred an average that they are hardly faces.
    assert [len(usual.detect(image)) for image in clip[:14]] == [1] * 14


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_face_is_found_once_and_in_its_place_however_many_tiles_there_are(
    clip: list[Image], blazeface: None, count: int
) -> None:
    (whole,) = BlazeFace(BlazeFaceSettings()).detect(clip[0])
    (face,) = BlazeFace(BlazeFaceSettings(tiles=count)).detect(clip[0])
    assert face.box.iou(whole.box) > 0.7


def test_eyes_nose_and_mouth_lie_where_a_face_has_them(clip: list[Image], blazeface: None) -> None:
    (face,) = BlazeFace(BlazeFaceSettings("short")).detect(clip[0])
    points = face.points
    assert points is not None
    assert points.right_eye.x < points.nose.x < points.left_eye.x
    assert points.right_eye.y < points.nose.y < points.mouth.y
    assert points.right_ear is not None
    assert points.right_ear.x < points.right_eye.x


@pytest.mark.parametrize("size", [(1280, 960), (321, 240), (560, 520)])
def test_boxes_are_pixels_of_the_frame_whatever_its_size(
    clip: list[Image], blazeface: None, size: tuple[int, int]
) -> None:
    (face,) = BlazeFace(BlazeFaceSettings("short")).detect(clip[0])
    sized = np.asarray(cv2.resize(clip[0], size), dtype=np.uint8)
    (other,) = BlazeFace(BlazeFaceSettings("short")).detect(sized)
    assert other.box.center.x / size[0] == pytest.approx(face.box.center.x / 640, abs=0.03)
    assert other.box.center.y / size[1] == pytest.approx(face.box.center.y / 480, abs=0.03)


def test_nothing_is_found_in_noise_or_in_the_dark(blazeface: None) -> None:
    detector = BlazeFace(BlazeFaceSettings())
    noise = np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    assert detector.detect(noise) == []
    assert detector.detect(np.zeros((480, 640, 3), dtype=np.uint8)) == []


@pytest.mark.parametrize("shape", [(1, 2000), (2000, 1), (1, 1), (3, 641), (2, 70_000)])
def test_any_shape_of_image_is_searched(shape: tuple[int, int], blazeface: None) -> None:
    detector = BlazeFace(BlazeFaceSettings(tiles=2))
    assert detector.detect(np.zeros((*shape, 3), dtype=np.uint8)) == []


@pytest.mark.parametrize("variant", ["full", "short"])
def test_it_finds_what_mediapipe_found_in_the_same_images(
    media: Path, blazeface: None, variant: Range
) -> None:
    recorded = json.loads(MEDIAPIPE.read_text())[variant]
    detector = BlazeFace(BlazeFaceSettings(variant))
    for name, image in pictures(media):
        theirs = faces_from_json(recorded[name])
        assert disagreements(detector.detect(image), theirs) == [], name


def test_a_network_that_was_not_fetched_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    with pytest.raises(ConfigError, match="run `emotiond models fetch blazeface`"):
        BlazeFace(BlazeFaceSettings())


def test_a_damaged_network_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    directory = tmp_path / "emotiond" / "models"
    directory.mkdir(parents=True)
    (directory / "face_detection_full_range_sparse.tflite").write_bytes(b"half of it")
    with pytest.raises(ModelError, match="is not the published file"):
        BlazeFace(BlazeFaceSettings())


installed = pytest.mark.skipif(
    find_spec("mediapipe") is None, reason="the extra mediapipe is not installed"
)


@pytest.mark.skipif(find_spec("mediapipe") is not None, reason="mediapipe is installed")
def test_where_the_package_is_missing_the_extra_is_named() -> None:
    with pytest.raises(ConfigError, match=r"install.*\[mediapipe\]'"):
        MediaPipe(MediaPipeSettings())


@installed
@pytest.mark.parametrize("variant", ["full", "short"])
def test_its_own_graph_finds_the_faces_that_blazeface_finds(
    media: Path, blazeface: None, variant: Range
) -> None:
    theirs, ours = MediaPipe(MediaPipeSettings(variant)), BlazeFace(BlazeFaceSettings(variant))
    for name, image in pictures(media):
        assert disagreements(ours.detect(image), theirs.detect(image)) == [], name


@installed
def test_a_higher_confidence_leaves_the_doubtful_out(media: Path, blazeface: None) -> None:
    detector = MediaPipe(MediaPipeSettings("short", min_confidence=0.9))
    found = [face for _, image in pictures(media) for face in detector.detect(image)]
    assert found
    assert min(face.confidence for face in found) >= 0.9
