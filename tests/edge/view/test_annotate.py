"""What is drawn into pictures, judged by its pixels."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.geometry import Box
from edge.label_colors import color_for
from edge.types import UNCERTAIN, Image, Reason
from edge.view.annotate import Colour, DrawStyle, annotate, caption
from edge.view.settings import PrivacyBlur
from tests.edge.view.scenes import expression, scene

FACE = Box(200.0, 200.0, 300.0, 300.0)

Mask = NDArray[np.bool_]


def bgr(emotion: str) -> Colour:
    red, green, blue = bytes.fromhex(color_for(emotion)[1:])
    return blue, green, red


def plain(width: int = 640, height: int = 480, grey: int = 128) -> Image:
    return np.full((height, width, 3), grey, dtype=np.uint8)


def where(picture: Image, wanted: Colour) -> Mask:
    return np.asarray(np.all(picture == np.array(wanted), axis=2), dtype=np.bool_)


def changed(before: Image, after: Image) -> Mask:
    return np.asarray(np.any(before != after, axis=2), dtype=np.bool_)


def test_a_box_in_the_colour_of_the_expression_is_drawn_around_the_face() -> None:
    picture = annotate(scene(expression(FACE, "happy"), image=plain()), PrivacyBlur.NONE)
    found = where(picture, bgr("happy"))
    for x, y in ((200, 250), (300, 250), (250, 300)):
        assert found[y, x]
    assert not changed(plain(), picture)[210:290, 210:290].any()


def test_the_scenes_own_picture_is_never_drawn_into() -> None:
    image = plain()
    annotate(scene(expression(FACE), image=image), PrivacyBlur.FACES, fps=30.0)
    assert np.array_equal(image, plain())


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_a_label_stands_on_a_plate_that_no_ground_shows_through(grey: int) -> None:
    grounds = annotate(scene(expression(FACE, "sad"), image=plain(grey=grey)), PrivacyBlur.NONE)
    reference = annotate(scene(expression(FACE, "sad"), image=plain(grey=77)), PrivacyBlur.NONE)
    pen = DrawStyle.for_picture(grounds)
    plate = slice(200 - pen.height, 200), slice(201, 200 + pen.width("1 sad 20%"))
    assert np.array_equal(grounds[plate], reference[plate])


def test_the_bar_is_as_long_as_the_confidence() -> None:
    lengths = []
    for share in (0.25, 0.5):
        shares = {"happy": share, "sad": 1 - share}
        picture = annotate(scene(expression(FACE, shares=shares), image=plain()), PrivacyBlur.NONE)
        row = where(picture, bgr("happy"))[200 - 4]
        lengths.append(row.sum())
    width = DrawStyle.for_picture(plain()).width("1 happy 50%")
    assert lengths[1] == pytest.approx(width / 2, abs=2)
    assert lengths[1] == pytest.approx(2 * lengths[0], abs=4)


@pytest.mark.parametrize("place", [(0.0, 0.0), (600.0, 0.0), (0.0, 440.0), (600.0, 440.0)])
def test_a_label_at_the_rim_stays_within_the_picture(place: tuple[float, float]) -> None:
    x, y = place
    face = expression(Box(x, y, x + 39, y + 39), "happy")
    picture = annotate(scene(face, image=plain()), PrivacyBlur.NONE)
    pen = DrawStyle.for_picture(picture)
    ink = where(picture, bgr("happy")).sum()
    assert ink > 0.6 * pen.width("1 happy 70%") * pen.height


def test_where_there_is_no_room_above_the_label_stands_below_and_hides_no_face() -> None:
    face = expression(Box(200.0, 5.0, 300.0, 105.0), "happy")
    picture = annotate(scene(face, image=plain()), PrivacyBlur.NONE)
    assert not changed(plain(), picture)[15:95, 210:290].any()
    assert changed(plain(), picture)[110:125, 205:250].all()


def test_lines_and_letters_grow_with_the_picture() -> None:
    small, large = DrawStyle.for_picture(plain(320, 240)), DrawStyle.for_picture(plain(1920, 1080))
    assert large.letter > 3 * small.letter
    assert large.line > small.line
    assert small.letter >= 7


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
    assert caption(face) == "1 uncertain too small, dark"
    row = annotate(scene(face, image=plain()), PrivacyBlur.NONE)[200 - 4, 200:260]
    assert (row == plain()[0, 0]).all()


def test_a_caption_has_id_expression_and_percent() -> None:
    assert caption(expression(track_id=7, emotion="sad")) == "7 sad 20%"


def test_a_class_whose_name_the_font_lacks_is_written_all_the_same() -> None:
    face = expression(emotion="fröhlich", shares={"fröhlich": 1.0})
    assert caption(face) == "1 fr?hlich 100%"
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
    pen = DrawStyle.for_picture(plain())
    box = Box(100.0, 200.0 - pen.height / 2, 400.0, 400.0)  # its upper line runs through the label
    crossing = replace(below, track=replace(below.track, box=box))
    alone = annotate(scene(label, image=plain()), PrivacyBlur.NONE)
    both = annotate(scene(crossing, label, image=plain()), PrivacyBlur.NONE)
    plate = slice(200 - pen.height, 200), slice(121, 120 + pen.width("2 happy 70%"))
    assert np.array_equal(alone[plate], both[plate])


@pytest.mark.parametrize("size", [(1, 1), (7, 500), (48, 48)])
def test_pictures_of_any_size_can_be_annotated(size: tuple[int, int]) -> None:
    picture = annotate(scene(expression(), image=plain(*size)), PrivacyBlur.FACES, fps=1.0)
    assert picture.shape[1::-1] == size


def test_the_labels_of_an_encoded_picture_can_still_be_read() -> None:
    picture = annotate(scene(expression(FACE, "happy"), image=plain()), PrivacyBlur.NONE)
    coded = cv2.imdecode(cv2.imencode(".jpg", picture)[1], cv2.IMREAD_COLOR)
    assert coded is not None
    assert np.abs(coded.astype(int) - picture)[170:200, 200:300].mean() < 12
