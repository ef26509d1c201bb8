"""Annotated images: privacy blur, and boxes, labels and confidence in each expression's color."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.geometry import Box
from edge.types import UNCERTAIN, AnalyzedFrame, Expression, Image
from edge.view import PrivacyBlur

LABEL_COLORS = {
    "angry": "#d55e00",
    "contempt": "#e69f00",
    "disgust": "#009e73",
    "fear": "#cc79a7",
    "happy": "#f0e442",
    "sad": "#0072b2",
    "surprise": "#56b4e9",
    "neutral": "#d9d9d9",
    UNCERTAIN: "#606060",
}
"""Colors for any color vision (Okabe and Ito 2008, jfly.uni-koeln.de/color), and two grays."""

DARK_LABELS = frozenset({"sad", UNCERTAIN})  # more contrast to white (luminance, w3.org/TR/WCAG22)

MARKS = {"\u0308": ("..", 0.9), "\u0301": ("'", 0.2), "\u0300": ("`", 0.2), "\u0302": ("^", 0.2)}
"""Sign of an accent, and its height above a small letter in capital ones; the font is ASCII."""

CAPITAL_SHARE = 0.7  # height of a capital letter of the font, as a share of its size
CAPITAL_RAISE = 0.24  # by which an accent is raised further above it
LETTER_SHARE, LINE_SHARE = 1 / 8, 1 / 20  # height of a capital, width of a line, in face heights
MIN_LETTER_PX, MIN_BAR_PX = 8.0, 4
MIN_LETTER, MAX_LETTER, MAX_LINE = 1 / 90, 1 / 40, 1 / 240  # in shorter sides of the image
LEADER_STEPS, LEADER_ANGLES = 8, 16  # distances, in heights of a label, and directions to try
COVERED_WEIGHT = 1e9  # of a pixel of another face or label that is covered: above all of its own
DASHES = 8  # on each side of the box of a face that is not seen at the moment
BLUR_MARGIN = 1.6  # side of what is blurred, in longer sides of a box: hair and chin tell who it is
BLUR_BLOCKS = 6  # squares across a blurred face: too few to tell who it is
HIDDEN_GRAY = 32  # of an image that is hidden as a whole, 0-255

BgrColor = tuple[int, int, int]  # 0-255 each
Boxes = NDArray[np.float64]  # in pixels (count, 4): left, top, right, bottom
Words = Mapping[str, str]  # of labels in another language, by expression and reason
ENGLISH: Words = {}  # labels as they are
BLACK: BgrColor = (0, 0, 0)


def color_for(emotion: str) -> str:
    """Return the color of an expression, as `#rrggbb`; white for one that no shipped model has."""
    return LABEL_COLORS.get(emotion, "#ffffff")


def text_color_for(emotion: str) -> str:
    """Return black or white, whichever is easier to read on the color of an expression."""
    return "#ffffff" if emotion in DARK_LABELS else "#000000"


def annotate(frame: AnalyzedFrame, blur: PrivacyBlur, words: Words = ENGLISH) -> Image:
    """Return a copy of a frame's image, BGR uint8, with its faces drawn into it as `draw_faces`."""
    image = apply_privacy(frame, blur)
    draw_faces(image, frame.expressions, words)
    return image


def draw_faces(image: Image, faces: Sequence[Expression], words: Words = ENGLISH) -> None:
    """Draw box, number, label and confidence of each face into an image, BGR uint8.

    A label stands on a plate in the color of its expression, so that it can be read on any
    background; the bar below it is as long as the confidence. A line leads to its face where that
    is further away. The box of a face that is tracked but not seen in this very frame is dashed.
    """
    height, width = image.shape[:2]
    labels = layout_labels(faces, (width, height), words)
    for label in labels:
        _draw_box(image, label)
    for label in labels:  # over every box, so that no line crosses a label
        draw_label(image, label)


def apply_privacy(frame: AnalyzedFrame, blur: PrivacyBlur) -> Image:
    """Return a copy of a frame's image, BGR uint8, with what `blur` says hidden.

    Whatever the detector took for a face is blurred, published or not; what it overlooks is not.
    """
    source = frame.frame.image
    if blur is PrivacyBlur.FRAME:
        return np.full_like(source, HIDDEN_GRAY)
    image = source.copy()
    if blur is PrivacyBlur.FACES:
        tracked = frame.tracked
        for box in (*(track.box for track in tracked.tracks), *tracked.candidate_boxes):
            _pixelate(image, box.square(BLUR_MARGIN))
    return image


def _pixelate(image: Image, box: Box) -> None:
    """Replace one part of an image by a few squares of its mean colors."""
    x1, y1, x2, y2 = (max(0, round(edge)) for edge in box)
    part = image[y1:y2, x1:x2]
    if part.size:
        coarse = cv2.resize(part, (BLUR_BLOCKS, BLUR_BLOCKS), interpolation=cv2.INTER_AREA)
        cv2.resize(coarse, part.shape[1::-1], dst=part, interpolation=cv2.INTER_NEAREST)


@dataclass(frozen=True, slots=True)
class Label:
    """Label of a face: the text, and where its plate is, in whole pixels.

    Attributes:
        letter: height of a capital letter.
        line: width of the lines of its face's box.
        bar: height of the bar of confidence, the lower part of the plate; 0 where there is none.
    """

    face: Expression
    text: str
    letter: int
    line: int
    bar: int
    plate: Box


def layout_labels(
    faces: Sequence[Expression], size: tuple[int, int], words: Words = ENGLISH
) -> list[Label]:
    """Return the labels of the faces in an image of that width and height.

    Where there is room, none covers another label or a face: each stands above, below or beside
    its face, or as near as it can. Where there is none, it shrinks to its number.
    """
    side = min(size)
    least, most = (max(MIN_LETTER_PX, share * side) for share in (MIN_LETTER, MAX_LETTER))
    boxes = np.rint([face.box for face in faces]).reshape(-1, 4)
    labels: list[Label] = []
    for index in np.argsort([face.track.track_id for face in faces]).tolist():
        face, own, others = faces[index], boxes[index], np.delete(boxes, index, axis=0)
        letter = round(min(max(LETTER_SHARE * face.box.height, least), most))
        line = max(1, round(min(LINE_SHARE * face.box.height, MAX_LINE * side)))
        bar = 0 if face.confidence is None else max(MIN_BAR_PX, letter // 2)
        others = np.concatenate([others, *([label.plate] for label in labels)])
        whole, number = label_text(face, words), f"#{face.track.track_id}"
        padding = 2 * (letter // 2)
        for text, steps, limit in (
            (whole, 0, 1.0),
            (whole, LEADER_STEPS, COVERED_WEIGHT),
            (number, LEADER_STEPS, np.inf),
        ):
            plate = _glyphs(text, letter).shape[1] + padding, letter + padding + bar
            places = _places(own, plate, size, steps)
            covered = COVERED_WEIGHT * _covered(places, others) + _covered(places, own[None])
            best = int(np.argmin(covered))
            if covered[best] < limit:
                labels.append(Label(face, text, letter, line, bar, Box(*places[best].tolist())))
                break
    return labels


def _places(face: Boxes, plate: tuple[int, int], size: tuple[int, int], steps: int) -> Boxes:
    """Return where a plate may stand in an image, the best first: at its face, then away."""
    (x1, y1, x2, y2), (width, height) = face, plate
    above, below, left, right = y1 - height, y2 + 1, x1 - width - 1, x2 + 1
    corners = [(x1, above), (x1, below), (x2 - width, above), (x2 - width, below)]
    corners += [(right, y1), (left, y1), (right, y2 - height), (left, y2 - height)]
    step, angle = (one.ravel() for one in np.mgrid[1 : steps + 1, 0:LEADER_ANGLES])
    radians, away = angle * (2 * np.pi / LEADER_ANGLES), height * step
    x = (x1 + x2 - width) / 2 + np.sin(radians) * ((x2 - x1 + width) / 2 + away)
    y = (y1 + y2 - height) / 2 - np.cos(radians) * ((y2 - y1 + height) / 2 + away)
    starts = np.rint(np.concatenate([corners, np.stack([x, y], axis=1)]))
    starts = np.clip(starts, 0, np.maximum(np.subtract(size, plate), 0))
    return np.concatenate([starts, starts + plate], axis=1)


def _covered(places: Boxes, others: Boxes) -> NDArray[np.float64]:
    """Return how many pixels of other boxes each place covers."""
    low, high = places[:, None, :2], places[:, None, 2:]
    sides = np.minimum(high, others[:, 2:]) - np.maximum(low, others[:, :2])
    return np.asarray(sides.clip(min=0).prod(axis=2).sum(axis=1))


def label_text(face: Expression, words: Words = ENGLISH) -> str:
    """Return the label of a face: its number, and its expression or why it has none."""
    emotion, *reasons = (words.get(one, one) for one in (face.emotion, *face.reasons))
    detail = ", ".join(reasons) if face.confidence is None else f"{100 * face.confidence:.0f} %"
    return f"#{face.track.track_id} {emotion} {detail}".replace("_", " ")


@lru_cache(maxsize=64)  # the labels of two images of a crowd: a percentage is soon another
def _glyphs(text: str, letter: int) -> NDArray[np.uint8]:
    """Return the ink of a text (height, width), 0-255, from the top of its plate on."""
    from PIL import Image, ImageDraw, ImageFont

    font, plain = ImageFont.load_default(letter / CAPITAL_SHARE), ""
    assert isinstance(font, ImageFont.FreeTypeFont)  # as Pillow's wheels and Debian's have it
    marks: list[tuple[float, float, str]] = []
    for one in unicodedata.normalize("NFD", text):
        if not unicodedata.combining(one):
            plain += one if one.isascii() else "?"
        elif one in MARKS:  # above the letter before it; of others the letter alone is drawn
            sign, share = MARKS[one]
            middle = (font.getlength(plain[:-1]) + font.getlength(plain)) / 2
            marks.append((middle, letter * (share + CAPITAL_RAISE * plain[-1:].isupper()), sign))
    base, (_, _, right, bottom) = letter + letter // 2, font.getbbox(plain, anchor="ls")
    canvas = Image.new("L", (round(right), base + round(bottom)))
    draw = ImageDraw.Draw(canvas)
    draw.text((0, base), plain, 255, font, "ls")
    for x, height, sign in marks:
        draw.text((x, base - height), sign, 255, font, "ms")
    return np.asarray(canvas)


def _draw_box(image: Image, label: Label) -> None:
    """Draw the box of a face, and a line from it to a label that is away from it."""
    face, width = label.face, label.line
    color = _bgr(color_for(face.emotion))
    x1, y1, x2, y2 = (round(edge) for edge in face.box)
    near = np.clip(face.box.center, label.plate[:2], label.plate[2:])
    start, end = near.astype(int).tolist(), np.clip(near, (x1, y1), (x2, y2)).astype(int).tolist()
    if np.hypot(*np.subtract(start, end)) > 2 * width + 1:
        cv2.line(image, start, end, BLACK, 2 * width + 1, cv2.LINE_AA)
        cv2.line(image, start, end, color, width, cv2.LINE_AA)
    if face.track.seen:
        cv2.rectangle(image, (x1, y1), (x2, y2), BLACK, 2 * width + 1)
        cv2.rectangle(image, (x1, y1), (x2, y2), color, width)
        return
    corners = [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]
    for side in zip(corners, corners[1:] + corners[:1], strict=True):
        dashes = np.linspace(*side, 2 * DASHES, dtype=int)  # gaps are as long
        for one, other in dashes.reshape(-1, 2, 2).tolist():
            cv2.line(image, one, other, color, width)


def draw_label(image: Image, label: Label) -> None:
    """Draw the plate of a label, with its text and the bar of confidence."""
    face, color = label.face, _bgr(color_for(label.face.emotion))
    x1, y1, x2, y2 = (round(edge) for edge in label.plate)
    padding, bar = label.letter // 2, y2 - label.bar
    cv2.rectangle(image, (x1, y1), (x2 - 1, bar - 1), color, cv2.FILLED)
    if face.confidence is not None:
        end = x1 + round(face.confidence * (x2 - x1))
        cv2.rectangle(image, (x1, bar), (x2 - 1, y2 - 1), BLACK, cv2.FILLED)
        cv2.rectangle(image, (x1, bar + 1), (end - 1, y2 - 2), color, cv2.FILLED)
    ink = _glyphs(label.text, label.letter)
    place = image[y1:, x1 + padding :][: ink.shape[0], : ink.shape[1]]
    share = ink[: place.shape[0], : place.shape[1], None] / np.float32(255)
    place[:] = place + share * np.subtract(_bgr(text_color_for(face.emotion)), color)


def _bgr(color: str) -> BgrColor:
    red, green, blue = bytes.fromhex(color[1:])
    return blue, green, red
