import math
import shutil
import struct
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.detect import builtin as emotiond
from edge.detect import open_detector
from edge.detect.builtin import (
    BuiltinDetector,
    BuiltinSettings,
    Refiner,
    cells,
    cut,
    decode,
    letterbox,
    merge,
    nms,
)
from edge.detect.detector import has_valid_landmarks
from edge.errors import ModelError
from edge.geometry import Box, Shift
from edge.model_card import card_path
from edge.paths import sha256
from edge.types import Face, Image
from tests.edge.detect.lights import GLANCE, copy_glance, copy_lights, night
from tests.edge.infer.models import SHIPPED


def floats(values: Any) -> NDArray[np.float32]:
    return np.array(values, dtype=np.float32)


def test_cells_come_layer_after_layer_and_row_by_row() -> None:
    grid = cells((33, 48), [16, 32])
    assert grid[:6].tolist() == [
        [0, 0, 16],
        [1, 0, 16],
        [2, 0, 16],
        [0, 1, 16],
        [1, 1, 16],
        [2, 1, 16],
    ]
    assert grid[9:].tolist() == [[0, 0, 32], [1, 0, 32], [0, 1, 32], [1, 1, 32]]


def test_there_is_a_cell_for_each_answer_of_both_sizes() -> None:
    assert len(cells((240, 320), [8, 16, 32])) == 1580
    assert len(cells((120, 160), [8, 16, 32])) == 400


def answer(
    grid: NDArray[np.float32], *faces: tuple[int, float, Box]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What a network would answer: each of `faces` with its cell and logit, and nothing else."""
    logits = np.full((len(grid), 1), -9, np.float32)
    boxes = np.zeros((len(grid), 4), np.float32)
    for cell, logit, box in faces:
        column, row, stride = grid[cell].tolist()
        logits[cell] = logit
        boxes[cell] = (
            box.center.x / stride - column,
            box.center.y / stride - row,
            math.log(box.width / stride),
            math.log(box.height / stride),
        )
    return logits, boxes


@pytest.mark.parametrize("cell", [0, 47, 1199, 1200, 1230, 1500, 1579])
def test_what_was_encoded_is_decoded_whatever_the_cell(cell: int) -> None:
    grid = cells((240, 320), [8, 16, 32])
    box = Box(12.5, 30.0, 40.5, 70.0)
    scores, values = decode(*answer(grid, (cell, 2.0, box)), grid, 0.5)
    assert scores == pytest.approx([0.8808], abs=1e-4)
    assert values[0, :4] == pytest.approx(box.edges, abs=1e-3)


@pytest.mark.parametrize(("min_confidence", "count"), [(0.01, 3), (0.5, 2), (0.51, 1), (0.99, 0)])
def test_what_is_too_doubtful_is_left_out(min_confidence: float, count: int) -> None:
    grid, box = cells((240, 320), [8, 16, 32]), Box(0, 0, 9, 9)
    doubtful = answer(grid, (3, -1.0, box), (5, 0.0, box), (9, 1.0, box))
    scores, values = decode(*doubtful, grid, min_confidence)
    assert (len(scores), values.shape) == (count, (count, 4))


def test_no_number_a_network_can_give_makes_a_box_that_is_not_finite() -> None:
    grid = cells((64, 64), [32])
    many = np.full((4, 8), 1e4, np.float32)
    _, values = decode(many[:, :1], many[:, :4], grid, 0.5)
    assert np.isfinite(values).all()


def row(left: float, top: float, height: float) -> list[float]:
    return [left, top, left + height, top + height, *[0.0] * 8]


def test_a_face_is_the_surest_answer_in_the_mean_box_of_all_that_overlap_it() -> None:
    """A doubtful answer moves it by its share, and one of another face not at all."""
    other = Face(Box(80, 0, 90, 10), 0.9)
    surest, doubtful = Face(Box(0, 0, 10, 10), 0.8), Face(Box(2, 0, 12, 10), 0.4)
    first, second = merge([doubtful, other, surest])
    assert (first.confidence, second.confidence) == (0.9, 0.8)
    assert first.box == other.box
    assert second.box.edges[0] == pytest.approx(2 / 3)
    assert second.box.width == pytest.approx(10)


def test_an_answer_without_area_is_merged_with_no_other() -> None:
    point = Face(Box(5, 5, 5, 5), 0.9)
    assert merge([point, Face(Box(0, 0, 10, 10), 0.8)])[0] == point


def test_of_answers_that_overlap_the_surest_stands_and_apart_they_all_do() -> None:
    values = floats([row(0, 0, 10), row(1, 0, 10), row(50, 0, 10), row(9, 9, 10)])
    assert nms(floats([0.6, 0.9, 0.7, 0.5]), values).tolist() == [1, 2, 3]


def test_what_is_smaller_or_larger_than_was_measured_hides_no_other() -> None:
    values = floats([row(0, 0, 10), row(0, 0, 12), row(0, 0, 14)])
    assert nms(floats([0.9, 0.5, 0.8]), values, 11, 13).tolist() == [1]
    assert nms(floats([0.9, 0.5, 0.8]), values, 20).tolist() == []


def test_nothing_found_leaves_nothing() -> None:
    assert nms(floats([]), np.zeros((0, 12), np.float32)).tolist() == []


def test_answers_without_area_end() -> None:
    assert nms(floats([0.9, 0.8]), floats([row(5, 5, 0), row(5, 5, 0)])).size > 0


@pytest.mark.parametrize(
    ("width", "height", "across", "down"),
    [
        (640, 480, 320, 240),
        (1280, 720, 320, 180),
        (480, 640, 180, 240),
        (160, 120, 320, 240),
        (320, 240, 320, 240),
        (8000, 10, 320, 1),
        (10, 8000, 1, 240),
        (1, 1, 240, 240),
    ],
)
def test_a_picture_is_fitted_whole_and_the_rest_is_black(
    width: int, height: int, across: int, down: int
) -> None:
    into = np.full((240, 320, 3), 77, np.uint8)
    scale = letterbox(np.full((height, width, 3), 200, np.uint8), into)
    assert scale == (across / width, down / height)
    assert (into[:down, :across] == 200).all()
    assert into.sum() == 200 * across * down * 3


def test_every_pixel_of_a_large_picture_counts() -> None:
    stripes = np.zeros((960, 1280, 3), np.uint8)
    stripes[:, ::4] = 200
    into = np.zeros((240, 320, 3), np.uint8)
    letterbox(stripes, into)
    assert into.mean() == pytest.approx(50, abs=1)


@pytest.mark.parametrize(
    ("width", "height", "light", "box"),
    [
        (128, 96, (32, 16, 48, 32), Box(24, 0, 56, 48)),
        (256, 192, (64, 32, 96, 64), Box(48, 0, 112, 96)),
        (64, 48, (16, 8, 24, 16), Box(12, 0, 28, 24)),
        (640, 480, (160, 80, 240, 160), Box(120, 0, 280, 240)),
        (512, 192, (128, 64, 192, 128), Box(96, 0, 224, 192)),
        (96, 192, (32, 96, 64, 128), Box(16, 64, 80, 160)),
    ],
)
def test_boxes_are_pixels_of_the_frame_whatever_its_size(
    tmp_path: Path, width: int, height: int, light: tuple[int, int, int, int], box: Box
) -> None:
    detector = BuiltinDetector(BuiltinSettings(model=copy_lights(tmp_path), refiner=GLANCE))
    (face,) = detector.detect(night(width, height, light))
    assert face.box.edges == pytest.approx(box.edges, abs=0.01 * box.height)
    assert face.confidence > 0.99


def test_each_light_is_a_face_and_the_surest_comes_first(tmp_path: Path) -> None:
    detector = BuiltinDetector(BuiltinSettings(model=copy_lights(tmp_path), refiner=GLANCE))
    image = night(128, 96, (0, 0, 16, 16), (64, 64, 80, 80))
    image[:16, :16] //= 4
    image[:16, :16] *= 3
    first, second = detector.detect(image)
    assert (first.box.x1, second.box.x1) == pytest.approx((56, -8), abs=0.5)
    assert first.confidence > second.confidence


def test_colours_are_blue_green_red(tmp_path: Path) -> None:
    place = (32, 16, 48, 32)
    colored = BuiltinDetector(BuiltinSettings(model=copy_lights(tmp_path), refiner=GLANCE))
    assert len(colored.detect(night(128, 96, place))) == 1
    assert colored.detect(night(128, 96, place, color=(0, 255, 255))) == []


def test_nothing_of_a_larger_picture_is_left_in_a_smaller_one(tmp_path: Path) -> None:
    detector = BuiltinDetector(BuiltinSettings(model=copy_lights(tmp_path), refiner=GLANCE))
    assert len(detector.detect(night(128, 96, (96, 64, 112, 80)))) == 1
    assert detector.detect(night(96, 96)) == []
    assert detector.detect(night(128, 48)) == []


@pytest.mark.parametrize(
    ("of_card", "asked", "count"), [(0.5, None, 0), (0.3, None, 1), (0.5, 0.3, 1), (0.3, 0.7, 0)]
)
def test_the_confidence_of_the_card_holds_unless_another_is_asked_for(
    tmp_path: Path, of_card: float, asked: float | None, count: int
) -> None:
    model = copy_lights(tmp_path, min_confidence=of_card, keep_confidence=0.3)
    detector = BuiltinDetector(BuiltinSettings(min_confidence=asked, model=model, refiner=GLANCE))
    assert len(detector.detect(night(128, 96, (32, 16, 48, 32), color=(118, 0, 0)))) == count


def test_a_doubtful_face_counts_where_one_is_known_and_nowhere_else(tmp_path: Path) -> None:
    detector = BuiltinDetector(
        BuiltinSettings(model=copy_lights(tmp_path, keep_confidence=0.3), refiner=GLANCE)
    )
    dim = night(128, 96, (32, 16, 48, 32), color=(118, 0, 0))
    (place,) = (face.box for face in detector.detect(night(128, 96, (32, 16, 48, 32))))
    assert detector.detect(dim) == []
    assert detector.detect(dim, known=[place.moved(Shift(60.0, 0.0))]) == []
    assert len(detector.detect(dim, known=[place])) == 1


@pytest.mark.parametrize(
    ("limits", "count"),
    [
        ({"smallest_face": 47}, 1),
        ({"smallest_face": 49}, 0),
        ({"largest_face": 49}, 1),
        ({"largest_face": 47}, 0),
    ],
)
def test_faces_of_other_sizes_than_the_card_tells_of_are_passed_over(
    tmp_path: Path, limits: dict[str, Any], count: int
) -> None:
    detector = BuiltinDetector(
        BuiltinSettings(model=copy_lights(tmp_path, **limits), refiner=GLANCE)
    )
    assert len(detector.detect(night(640, 480, (160, 80, 240, 160)))) == count


def test_its_boxes_are_cropped_as_the_card_says(tmp_path: Path) -> None:
    fitted = {"scale": 1.25, "right": 0.0, "down": -0.05}
    detector = open_detector(
        BuiltinSettings(model=copy_lights(tmp_path, crop_fit=fitted), refiner=GLANCE)
    )
    assert detector.crop_fit.scale == 1.25
    assert (detector.name, detector.searches_near) == ("builtin", False)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"strides": [8]},
            r"expected output \(1, 192, 1\) int8 and \(1, 192, 4\) int8 as its card says, found \(1, 48, ",
        ),
        (
            {"input": {"shape": [96, 160, 3], "dtype": "int8", "color": "bgr"}},
            r"expected input \(1, 96, 160, 3\) int8 as its card says, found \(1, 96, 128, 3\)",
        ),
    ],
)
def test_a_network_of_another_form_is_refused(
    tmp_path: Path, changes: dict[str, Any], expected: str
) -> None:
    with pytest.raises(ModelError, match=rf"lights\.tflite: {expected}"):
        BuiltinDetector(BuiltinSettings(model=copy_lights(tmp_path, **changes), refiner=GLANCE))


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    model = copy_lights(tmp_path)
    model.write_bytes(b"no network")
    with pytest.raises(ModelError, match=r"lights\.tflite: expected sha256"):
        BuiltinDetector(BuiltinSettings(model=model, refiner=GLANCE))


@pytest.mark.parametrize("broken", ["lights.tflite", "glance.tflite"])
def test_a_network_whose_answers_cannot_be_finite_is_refused(tmp_path: Path, broken: str) -> None:
    model, refiner = copy_lights(tmp_path), copy_glance(tmp_path)
    path = tmp_path / broken
    scale = struct.pack("<f", 16 / 255)  # of the scores of both
    assert scale in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(scale, struct.pack("<f", math.inf)))
    card = msgspec.json.decode(card_path(path).read_bytes())
    card_path(path).write_bytes(msgspec.json.encode({**card, "sha256": sha256(path)}))
    with pytest.raises(ModelError, match=rf"{broken}: is not a model that litert can run"):
        BuiltinDetector(BuiltinSettings(model=model, refiner=refiner))


def test_a_missing_network_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"mine\.tflite: cannot be read"):
        BuiltinDetector(BuiltinSettings(model=tmp_path / "mine.tflite", refiner=GLANCE))


def test_a_classifier_is_no_detector(tmp_path: Path) -> None:
    for file in (SHIPPED, card_path(SHIPPED)):
        shutil.copy(file, tmp_path)
    with pytest.raises(ModelError, match=r"shallow-int8\.json: is not a detector's card"):
        BuiltinDetector(BuiltinSettings(model=tmp_path / SHIPPED.name, refiner=GLANCE))


@pytest.fixture(params=["320x240", "160x120"])
def shipped(request: pytest.FixtureRequest) -> BuiltinDetector:
    """Each detector that travels with emotiond."""
    return BuiltinDetector(BuiltinSettings(request.param))


def test_one_plausible_face_is_found_in_every_average_face(
    clip: list[Image], shipped: BuiltinDetector
) -> None:
    for image in clip:
        (face,) = shipped.detect(image)
        assert has_valid_landmarks(face)
        assert face.box.center.x == pytest.approx(320, abs=40)


def test_eyes_nose_and_mouth_lie_where_a_face_has_them(
    clip: list[Image], shipped: BuiltinDetector
) -> None:
    (face,) = shipped.detect(clip[0])
    points = face.points
    assert points is not None
    assert points.right_eye.x < points.nose.x < points.left_eye.x
    assert points.right_eye.y < points.nose.y < points.mouth.y < face.box.y2
    assert points.roll == pytest.approx(0, abs=8)


@pytest.mark.parametrize("size", [(1280, 960), (321, 240), (240, 181), (720, 1280), (1920, 1080)])
def test_a_face_is_found_in_its_place_in_frames_of_any_size(
    clip: list[Image], shipped: BuiltinDetector, size: tuple[int, int]
) -> None:
    (face,) = shipped.detect(clip[0])
    scale = min(size[0] / 640, size[1] / 480)
    sized = np.zeros((size[1], size[0], 3), np.uint8)
    sized[: round(480 * scale), : round(640 * scale)] = cv2.resize(
        clip[0], (round(640 * scale), round(480 * scale))
    )
    (other,) = shipped.detect(sized)
    assert other.box.center.x / scale == pytest.approx(face.box.center.x, abs=20)
    assert other.box.center.y / scale == pytest.approx(face.box.center.y, abs=20)
    assert other.box.height / scale == pytest.approx(face.box.height, rel=0.15)


def test_nothing_is_found_in_noise_or_in_the_dark(shipped: BuiltinDetector) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    assert shipped.detect(noise) == []
    assert shipped.detect(night(640, 480)) == []


@pytest.mark.parametrize("shape", [(1, 2000), (2000, 1), (1, 1), (3, 641), (10, 8000), (2, 70_000)])
def test_any_shape_of_picture_is_searched(shape: tuple[int, int], shipped: BuiltinDetector) -> None:
    assert shipped.detect(night(*shape[::-1])) == []


def test_a_frame_is_only_read(clip: list[Image], shipped: BuiltinDetector) -> None:
    image = clip[0].copy()
    image.flags.writeable = False
    assert len(shipped.detect(image)) == len(shipped.detect(image)) == 1
    assert np.array_equal(image, clip[0])


def test_an_input_in_which_pixels_mean_something_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a file would run, and see every picture in wrong shades."""
    monkeypatch.setattr(emotiond, "PIXELS", (1.0, 0))
    with pytest.raises(ModelError, match=r"expected an input of .* \(1.0, 0\), .* \(1.0, -128\)"):
        BuiltinDetector(BuiltinSettings(model=copy_lights(tmp_path), refiner=GLANCE))


LIT = night(128, 96, (32, 16, 96, 80))
INSIDE, DARK = Box(44, 28, 84, 68), Box(0, 82, 12, 94)


def _refine(model: Path, box: Box, confidence: float = 0.5) -> Face:
    return Refiner(model).refine(LIT, Face(box, confidence))


def test_both_logits_are_weighed_as_the_card_says(tmp_path: Path) -> None:
    """The second look's logit is 8 where it is lit and -8 where it is dark."""
    for box, second in ((INSIDE, 8.0), (DARK, -8.0)):
        face = _refine(copy_glance(tmp_path, weights=[2.0, 0.25, -1.0]), box, 0.75)
        logit = 2.0 * math.log(3) + 0.25 * second - 1.0
        assert math.log(face.confidence / (1 - face.confidence)) == pytest.approx(logit, abs=0.05)


def test_box_and_points_are_those_that_the_second_look_finds_in_the_square(tmp_path: Path) -> None:
    """The network answers quarters of the crop, whose side is 1.3 times the box's longer side."""
    face = _refine(copy_glance(tmp_path), INSIDE)
    assert face.box.center.x == pytest.approx(64, abs=0.5)
    assert face.box.center.y == pytest.approx(48, abs=0.5)
    assert (face.box.width, face.box.height) == pytest.approx((40 * 2 / 3, 40), rel=0.02)
    assert face.points is not None
    quarter = 1.3 * 40 / 4
    eye, mouth = face.points.right_eye, face.points.mouth
    assert (eye.x, eye.y) == pytest.approx((64 - quarter, 48 - quarter), abs=0.5)
    assert (mouth.x, mouth.y) == pytest.approx((64, 48 + quarter), abs=0.5)


@pytest.mark.parametrize(
    "box", [Box(-20, -20, 20, 20), Box(100, 70, 160, 130), Box(300, 300, 340, 340)], ids=str
)
def test_a_crop_beyond_the_picture_is_black_there(box: Box) -> None:
    white = np.full((96, 128, 3), 255, np.uint8)
    square = box.square(1.3)
    crop = cut(white, square, 32)
    assert crop.shape == (32, 32, 3)
    inside = square.intersection(Box(0, 0, 128, 96)) / square.area
    assert (crop > 127).mean() == pytest.approx(inside, abs=0.05)


def test_a_crop_shows_what_lies_in_the_square() -> None:
    image = night(640, 480, (320, 240, 640, 480))
    crop = cut(image, Box(256, 176, 384, 304), 32)
    assert crop[16:, 16:, 0].min() == 255
    assert crop[:15, :15].max() == 0


def test_a_damaged_refiner_is_told_by_its_hash(tmp_path: Path) -> None:
    model = copy_glance(tmp_path, sha256="0" * 64)
    with pytest.raises(ModelError, match=r"expected sha256 0{64} as its card says"):
        Refiner(model)


def test_a_refiner_of_another_form_is_refused(tmp_path: Path) -> None:
    shape = {"shape": [48, 48, 3], "dtype": "int8", "color": "bgr"}
    with pytest.raises(ModelError, match="expected input"):
        Refiner(copy_glance(tmp_path, input=shape))
