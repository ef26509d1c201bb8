"""What is drawn into images, judged by its pixels, and the colors of expressions."""

from dataclasses import replace
from itertools import combinations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.geometry import Box
from edge.types import UNCERTAIN, Image, Reason
from edge.view import PrivacyBlur
from edge.view.annotate import (
    BgrColor,
    DrawStyle,
    annotate,
    color_for,
    label_text,
    text_color_for,
)
from tests.edge.view.scenes import expression, scene
from tests.eyes import EYES, linear, seen_by

FACE = Box(200.0, 200.0, 300.0, 300.0)

Mask = NDArray[np.bool_]


def bgr(emotion: str) -> BgrColor:
    red, green, blue = bytes.fromhex(color_for(emotion)[1:])
    return blue, green, red


def plain(width: int = 640, height: int = 480, gray: int = 128) -> Image:
    return np.full((height, width, 3), gray, dtype=np.uint8)


def where(image: Image, wanted: BgrColor) -> Mask:
    return np.asarray(np.all(image == np.array(wanted), axis=2), dtype=np.bool_)


def changed(before: Image, after: Image) -> Mask:
    return np.asarray(np.any(before != after, axis=2), dtype=np.bool_)


def test_a_box_in_the_colour_of_the_expression_is_drawn_around_the_face() -> None:
    image = annotate(scene(expression(FACE, "happy"), image=plain()), PrivacyBlur.NONE)
    found = where(image, bgr("happy"))
    for x, y in ((200, 250), (300, 250), (250, 300)):
        assert found[y, x]
    assert not changed(plain(), image)[210:290, 210:290].any()


def test_the_scenes_own_picture_is_never_drawn_into() -> None:
    image = plain()
    annotate(scene(expression(FACE), image=image), PrivacyBlur.FACES, fps=30.0)
    assert np.array_equal(image, plain())


@pytest.mark.parametrize("gray", [0, 128, 255])
def test_a_label_stands_on_a_plate_that_no_ground_shows_through(gray: int) -> None:
    grounds = annotate(scene(expression(FACE, "sad"), image=plain(gray=gray)), PrivacyBlur.NONE)
    reference = annotate(scene(expression(FACE, "sad"), image=plain(gray=77)), PrivacyBlur.NONE)
    style = DrawStyle(grounds)
    plate = slice(200 - style.label_height, 200), slice(201, 200 + style.label_width("#1 sad 20 %"))
    assert np.array_equal(grounds[plate], reference[plate])


def test_the_bar_is_as_long_as_the_confidence() -> None:
    lengths = []
    for share in (0.25, 0.5):
        shares = {"happy": share, "sad": 1 - share}
        image = annotate(scene(expression(FACE, shares=shares), image=plain()), PrivacyBlur.NONE)
        row = where(image, bgr("happy"))[200 - 4]
        lengths.append(row.sum())
    width = DrawStyle(plain()).label_width("#1 happy 50 %")
    assert lengths[1] == pytest.approx(width / 2, abs=2)
    assert lengths[1] == pytest.approx(2 * lengths[0], abs=4)


@pytest.mark.parametrize("place", [(0.0, 0.0), (600.0, 0.0), (0.0, 440.0), (600.0, 440.0)])
def test_a_label_at_the_rim_stays_within_the_picture(place: tuple[float, float]) -> None:
    x, y = place
    face = expression(Box(x, y, x + 39, y + 39), "happy")
    image = annotate(scene(face, image=plain()), PrivacyBlur.NONE)
    style = DrawStyle(image)
    ink = where(image, bgr("happy")).sum()
    assert ink > 0.6 * style.label_width("#1 happy 70 %") * style.label_height


def test_where_there_is_no_room_above_the_label_stands_below_and_hides_no_face() -> None:
    face = expression(Box(200.0, 5.0, 300.0, 105.0), "happy")
    image = annotate(scene(face, image=plain()), PrivacyBlur.NONE)
    assert not changed(plain(), image)[15:95, 210:290].any()
    assert changed(plain(), image)[110:125, 205:250].all()


def test_lines_and_letters_grow_with_the_picture() -> None:
    small, large = DrawStyle(plain(320, 240)), DrawStyle(plain(1920, 1080))
    assert large.letter_height > 3 * small.letter_height
    assert large.line_width > small.line_width
    assert small.letter_height >= 7


def test_a_face_that_is_not_seen_at_the_moment_has_a_dashed_box() -> None:
    seen, unseen = (
        where(
            annotate(scene(expression(FACE, seen=one), image=plain()), PrivacyBlur.NONE),
            bgr("happy"),
        )[300, 200:300].mean()
        for one in (True, False)
    )
    assert seen == 1.0
    assert 0.3 < unseen < 0.8


def test_a_face_that_cannot_be_read_says_why_and_has_no_bar() -> None:
    face = expression(FACE, UNCERTAIN, None, reasons=(Reason.TOO_SMALL, Reason.DARK))
    assert label_text(face) == "#1 uncertain too small, dark"
    row = annotate(scene(face, image=plain()), PrivacyBlur.NONE)[200 - 4, 200:260]
    assert (row == plain()[0, 0]).all()


def test_a_caption_has_id_expression_and_percent() -> None:
    assert label_text(expression(track_id=7, emotion="sad")) == "#7 sad 20 %"


def test_a_class_whose_name_the_font_lacks_is_written_all_the_same() -> None:
    face = expression(emotion="fröhlich", shares={"fröhlich": 1.0})
    assert label_text(face) == "#1 fr?hlich 100 %"
    annotate(scene(face), PrivacyBlur.NONE)


def test_frames_a_second_are_written_into_the_corner_where_they_are_told() -> None:
    without, with_fps = (
        annotate(scene(image=plain()), PrivacyBlur.NONE, fps) for fps in (None, 29.97)
    )
    assert not changed(plain(), without).any()
    rows, columns = np.nonzero(changed(plain(), with_fps))
    assert rows.min() > 440
    assert columns.max() < 120


def test_later_labels_lie_over_every_box() -> None:
    below = expression(Box(100.0, 60.0, 300.0, 300.0), "sad", track_id=1)
    label = expression(Box(120.0, 200.0, 180.0, 260.0), "happy", track_id=2)
    style = DrawStyle(plain())
    box = Box(
        100.0, 200.0 - style.label_height / 2, 400.0, 400.0
    )  # its upper line runs through the label
    crossing = replace(below, track=replace(below.track, box=box))
    alone = annotate(scene(label, image=plain()), PrivacyBlur.NONE)
    both = annotate(scene(crossing, label, image=plain()), PrivacyBlur.NONE)
    plate = (
        slice(200 - style.label_height, 200),
        slice(121, 120 + style.label_width("#2 happy 70 %")),
    )
    assert np.array_equal(alone[plate], both[plate])


@pytest.mark.parametrize("size", [(1, 1), (7, 500), (48, 48)])
def test_pictures_of_any_size_can_be_annotated(size: tuple[int, int]) -> None:
    image = annotate(scene(expression(), image=plain(*size)), PrivacyBlur.FACES, fps=1.0)
    assert image.shape[1::-1] == size


def test_the_labels_of_an_encoded_picture_can_still_be_read() -> None:
    image = annotate(scene(expression(FACE, "happy"), image=plain()), PrivacyBlur.NONE)
    coded = cv2.imdecode(cv2.imencode(".jpg", image)[1], cv2.IMREAD_COLOR)
    assert coded is not None
    assert np.abs(coded.astype(int) - image)[170:200, 200:300].mean() < 12


EMOTIONS = (
    *("angry", "contempt", "disgust", "fear", "happy", "sad", "surprise", "neutral"),
    UNCERTAIN,
)

APART = 15.0
"""CIELAB distance; 2.3 is the least that eyes tell apart side by side (Mahy et al. 1994)."""


def rgb(text: str) -> NDArray[np.float64]:
    """Return `#rrggbb` as numbers, 0-255."""
    return np.array(list(bytes.fromhex(text[1:])), dtype=float)


@pytest.mark.parametrize("eyes", EYES)
def test_any_two_expressions_can_be_told_apart_with_any_colour_vision(eyes: str) -> None:
    colors = np.array([rgb(color_for(emotion)) for emotion in EMOTIONS])
    seen = dict(zip(EMOTIONS, seen_by(eyes, colors), strict=True))
    distances = {
        (one, other): np.linalg.norm(seen[one] - seen[other])
        for one, other in combinations(EMOTIONS, 2)
    }
    assert {pair: away for pair, away in distances.items() if away < APART} == {}


@pytest.mark.parametrize("emotion", [*EMOTIONS, "jubilant"])
def test_letters_on_a_colour_have_the_contrast_that_wcag_asks_of_text(emotion: str) -> None:
    weights = np.array([0.2126, 0.7152, 0.0722])
    front, back = (
        weights @ linear(rgb(one)) + 0.05 for one in (text_color_for(emotion), color_for(emotion))
    )
    assert max(front, back) / min(front, back) > 4.5


def test_a_class_of_somebodys_own_model_has_a_colour_too() -> None:
    assert color_for("jubilant") == "#ffffff"
