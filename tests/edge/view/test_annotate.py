"""What is drawn into images, judged by its pixels, and the colors of expressions."""

import tracemalloc
from itertools import combinations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.geometry import Box
from edge.types import UNCERTAIN, Expression, Image, Reason
from edge.view import PrivacyBlur
from edge.view.annotate import (
    BgrColor,
    Label,
    annotate,
    color_for,
    draw_label,
    label_text,
    layout_labels,
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


def labels_of(*faces: Expression, size: tuple[int, int] = (640, 480)) -> list[Label]:
    """Return the labels in the order of the faces' numbers."""
    return layout_labels(faces, size)


def plate_of(label: Label) -> tuple[slice, slice]:
    left, top, right, bottom = (int(edge) for edge in label.plate)
    return slice(top, bottom), slice(left, right)


def test_a_box_in_the_colour_of_the_expression_is_drawn_around_the_face() -> None:
    image = annotate(scene(expression(FACE, "happy"), image=plain()), PrivacyBlur.NONE)
    found = where(image, bgr("happy"))
    for x, y in ((200, 250), (300, 250), (250, 300)):
        assert found[y, x]
    assert not changed(plain(), image)[210:290, 210:290].any()


def test_the_scenes_own_picture_is_never_drawn_into() -> None:
    image = plain()
    annotate(scene(expression(FACE), image=image), PrivacyBlur.FACES)
    assert np.array_equal(image, plain())


@pytest.mark.parametrize("gray", [0, 128, 255])
def test_a_label_stands_on_a_plate_that_no_ground_shows_through(gray: int) -> None:
    face = expression(FACE, "sad")
    image, reference = (
        annotate(scene(face, image=plain(gray=one)), PrivacyBlur.NONE) for one in (gray, 77)
    )
    plate = plate_of(*labels_of(face))
    assert np.array_equal(image[plate], reference[plate])


def test_the_bar_is_as_long_as_the_confidence() -> None:
    lengths = []
    for share in (0.25, 0.5):
        shares = {"happy": share, "sad": 1 - share}
        image = annotate(scene(expression(FACE, shares=shares), image=plain()), PrivacyBlur.NONE)
        row = where(image, bgr("happy"))[200 - 4]
        lengths.append(row.sum())
    _, columns = plate_of(*labels_of(expression(FACE, shares={"happy": 0.5, "sad": 0.5})))
    assert lengths[1] == pytest.approx((columns.stop - columns.start) / 2, abs=2)
    assert lengths[1] == pytest.approx(2 * lengths[0], abs=4)


@pytest.mark.parametrize("place", [(0.0, 0.0), (600.0, 0.0), (0.0, 440.0), (600.0, 440.0)])
def test_a_label_at_the_rim_stays_within_the_picture(place: tuple[float, float]) -> None:
    x, y = place
    face = expression(Box(x, y, x + 39, y + 39), "happy")
    image = annotate(scene(face, image=plain()), PrivacyBlur.NONE)
    (label,) = labels_of(face)
    x1, y1, x2, y2 = label.plate
    assert (0 <= x1 < x2 <= 640, 0 <= y1 < y2 <= 480) == (True, True)
    assert where(image, bgr("happy"))[plate_of(label)].mean() > 0.4


def test_where_there_is_no_room_above_the_label_stands_below_and_hides_no_face() -> None:
    face = expression(Box(200.0, 5.0, 300.0, 105.0), "happy")
    image = annotate(scene(face, image=plain()), PrivacyBlur.NONE)
    assert not changed(plain(), image)[15:95, 210:290].any()
    assert changed(plain(), image)[110:125, 205:250].all()


def test_lines_and_letters_grow_with_the_picture_and_with_the_face() -> None:
    def drawn(scale: float, height: float) -> Label:
        face = expression(Box(scale * 100, scale * 100, scale * 200, scale * (100 + height)))
        (label,) = layout_labels([face], (round(scale * 640), round(scale * 480)))
        return label

    assert drawn(3, 100).letter == 3 * drawn(1, 100).letter
    assert drawn(3, 100).line == 3 * drawn(1, 100).line
    assert drawn(3, 30).letter < drawn(3, 100).letter == drawn(3, 300).letter
    assert drawn(0.5, 30).letter == 8


def test_labels_of_many_faces_that_come_and_go_take_no_megabyte() -> None:
    annotate(scene(expression(), image=plain()), PrivacyBlur.NONE)  # loads the font
    tracemalloc.start()
    for number in range(600):
        face = expression(Box(100.0, 100.0, 300.0, 300.0), track_id=number)
        annotate(scene(face, image=plain()), PrivacyBlur.NONE)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 1e6


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
    image = annotate(scene(face, image=plain()), PrivacyBlur.NONE)
    assert (image[200 - 4, 201:260] == bgr(UNCERTAIN)).all()


def test_a_caption_has_id_expression_and_percent() -> None:
    assert label_text(expression(track_id=7, emotion="sad")) == "#7 sad 20 %"


@pytest.mark.parametrize(
    ("accented", "plain"), [("fröhlich", "frohlich"), ("Überrascht", "Uberrascht")]
)
def test_an_accent_is_drawn_above_its_letter_and_changes_nothing_else(
    accented: str, plain: str
) -> None:
    def drawn(emotion: str) -> tuple[Image, Label]:
        face = expression(Box(200, 200, 400, 400), emotion, shares={emotion: 1.0})
        (label,) = labels_of(face, size=(1920, 1080))
        return annotate(scene(face, image=plain_image), PrivacyBlur.NONE), label

    plain_image = np.full((1080, 1920, 3), 128, np.uint8)
    (image, label), (other, same) = drawn(accented), drawn(plain)
    assert label.plate == same.plate
    rows = np.flatnonzero(changed(image, other).any(axis=1))
    assert rows.size, "the accent is seen"
    base = int(label.plate.y1) + label.letter // 2 + label.letter
    assert label.plate.y1 <= rows[0]
    assert rows[-1] < base - label.letter * 0.8


def test_a_sign_that_the_font_lacks_is_a_question_mark() -> None:
    images = [
        annotate(scene(expression(FACE, one, shares={one: 1.0})), PrivacyBlur.NONE)
        for one in ("喜", "?")
    ]
    assert not changed(*images).any()


def test_a_label_is_in_the_words_of_another_language() -> None:
    words = {"uncertain": "unklar", "too_small": "zu klein", "happy": "fröhlich"}
    face = expression(FACE, UNCERTAIN, None, reasons=(Reason.TOO_SMALL, Reason.DARK))
    assert label_text(face, words) == "#1 unklar zu klein, dark"
    happy = scene(expression(FACE, "happy"), image=plain())
    images = [annotate(happy, PrivacyBlur.NONE, one) for one in ({}, words)]
    assert changed(*images).any()
    assert where(images[1], bgr("happy")).any(), "the color is that of the expression"


def crowd(count: int, seed: int, room: tuple[int, int] = (960, 640)) -> list[Expression]:
    """Return faces of a group picture: two rows and more, of different heights, close together."""
    random = np.random.default_rng(seed)
    columns = -(-count // 3)
    step = room[0] / columns
    faces = []
    for number in range(count):
        row, column = divmod(number, columns)
        height = random.uniform(0.5, 0.8) * step
        x = (column + (0.5 if row % 2 else 0.0)) * step + random.uniform(0, 0.2) * step
        y = 0.12 * room[1] + row * 0.9 * step + random.uniform(-0.1, 0.1) * step
        box = Box(x, y, min(x + 0.75 * height, room[0] - 1), y + height)
        emotion = EMOTIONS[number % 8]
        faces.append(expression(box, emotion, {emotion: 0.93}, track_id=number + 1))
    return faces


@pytest.mark.parametrize("count", [2, 14, 24])
@pytest.mark.parametrize("seed", range(3))
def test_all_labels_of_a_group_picture_can_be_read_and_hide_no_face(count: int, seed: int) -> None:
    faces = crowd(count, seed)
    labels = labels_of(*faces, size=(960, 640))
    image = annotate(scene(*faces, image=plain(960, 640)), PrivacyBlur.NONE)
    assert [label.text for label in labels] == [label_text(face) for face in faces]
    for label, face in zip(labels, faces, strict=True):
        alone = plain(960, 640)
        draw_label(alone, label)
        assert np.array_equal(image[plate_of(label)], alone[plate_of(label)])
        assert label.letter >= 8
        hidden = [label.plate.intersection(Box(*map(round, other.box))) for other in faces]
        assert hidden == [0] * count, face


def test_a_label_that_is_away_from_its_face_has_a_line_to_it() -> None:
    boxes = [(0, 60, 639, 208), (0, 237, 639, 420), (0, 209, 300, 236), (332, 209, 639, 236)]
    wall = [expression(Box(*box), "sad", track_id=2 + index) for index, box in enumerate(boxes)]
    face = expression(Box(302.0, 210.0, 330.0, 235.0), "happy", track_id=1)
    label, *_ = labels_of(face, *wall)
    assert label.plate.y2 < 60
    alone, together = (
        annotate(scene(*faces, image=plain()), PrivacyBlur.NONE)[65:150]
        for faces in ([face], [face, *wall])
    )
    assert not changed(plain()[65:150], alone).any()  # the label stands at the face
    near = np.abs(together.astype(int) - bgr("happy")).max(axis=2) < 90
    assert near.any(axis=1).mean() > 0.9


def test_where_there_is_no_room_at_all_a_label_is_the_number_alone() -> None:
    faces = [
        expression(Box(30 * column, 24 * row, 30 * column + 28, 24 * row + 22), track_id=number)
        for number, (row, column) in enumerate(np.ndindex(20, 21), start=1)
    ]
    labels = labels_of(*faces)
    assert len(labels) == len(faces)
    assert {label.text for label in labels[-100:]} <= {f"#{number}" for number in range(1, 421)}
    (lone,) = labels_of(expression(Box(-20.0, -20.0, 700.0, 500.0)))
    assert lone.text == "#1 happy 70 %"


def test_no_box_is_drawn_over_a_label() -> None:
    label = expression(Box(120.0, 200.0, 180.0, 260.0), "happy", track_id=2)
    around = expression(Box(100.0, 60.0, 300.0, 300.0), "sad", track_id=1)
    lone, both = (
        annotate(scene(*faces, image=plain()), PrivacyBlur.NONE)
        for faces in ((label,), (around, label))
    )
    plate = plate_of(labels_of(around, label)[1])
    assert where(both, bgr("happy"))[plate].sum() > 0.4 * lone[plate].size / 3


@pytest.mark.parametrize("size", [(1, 1), (7, 500), (48, 48)])
def test_pictures_of_any_size_can_be_annotated(size: tuple[int, int]) -> None:
    image = annotate(scene(expression(), image=plain(*size)), PrivacyBlur.FACES)
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
