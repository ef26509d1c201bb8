"""Annotated images: privacy blur, and boxes, labels and confidence in each expression's color."""

from collections.abc import Sequence

import cv2
import numpy as np

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
"""Colors as `#rrggbb` that people with any color vision can tell apart (Okabe and Ito 2008,
jfly.uni-koeln.de/color), and two grays."""

DARK_LABELS = frozenset({"sad", UNCERTAIN})
"""Labels whose color has more contrast to white than to black (w3.org/TR/WCAG22, "relative
luminance")."""

FONT = cv2.FONT_HERSHEY_DUPLEX
FONT_CAPITAL_PX = 22.0  # height of a capital letter at scale 1

LINE_WIDTH, LETTER_HEIGHT = 1 / 240, 1 / 40
"""Width of a line and height of a capital letter, as shares of the shorter side of the image."""

DASHES = 8  # on each side of the box of a face that is not seen at the moment

BLUR_MARGIN = 1.6
"""Side of the blurred square, in longer sides of the box: hair and chin tell who somebody is."""

BLUR_BLOCKS = 6  # squares across a blurred face: too few to tell who it is
HIDDEN_GRAY = 32  # of an image that is hidden as a whole, 0-255

BgrColor = tuple[int, int, int]  # 0-255 each

BLACK: BgrColor = (0, 0, 0)
WHITE: BgrColor = (255, 255, 255)


def color_for(emotion: str) -> str:
    """Return the color of an expression, as `#rrggbb`; white for one that no shipped model has."""
    return LABEL_COLORS.get(emotion, "#ffffff")


def text_color_for(emotion: str) -> str:
    """Return black or white, whichever is easier to read on the color of an expression."""
    return "#ffffff" if emotion in DARK_LABELS else "#000000"


def annotate(frame: AnalyzedFrame, blur: PrivacyBlur, fps: float | None = None) -> Image:
    """Return a copy of a frame's image, BGR uint8, with its faces and `fps` drawn into it."""
    image = apply_privacy(frame, blur)
    draw_faces(image, frame.expressions)
    if fps is not None:
        style = DrawStyle(image)
        draw_text(image, f"{fps:.1f} fps", (0, image.shape[0] - style.label_height - 1), style)
    return image


def draw_faces(image: Image, faces: Sequence[Expression]) -> None:
    """Draw box, number, label and confidence of each face into an image, BGR uint8.

    A label stands on a plate in the color of its expression, so that it can be read on any
    background; the bar below it is as long as the confidence. The box of a face that is tracked but
    not seen in this very frame is dashed.
    """
    style = DrawStyle(image)
    for face in faces:
        _draw_box(image, face, style)
    for face in faces:  # over every box, so that no line crosses a label
        _draw_label(image, face, style)


def apply_privacy(frame: AnalyzedFrame, blur: PrivacyBlur) -> Image:
    """Return a copy of a frame's image, BGR uint8, with what `blur` says hidden.

    Whatever the detector took for a face is blurred, published or not; a face that it does not
    find is not.
    """
    source = frame.frame.image
    if blur is PrivacyBlur.FRAME:
        return np.full_like(source, HIDDEN_GRAY)
    image = source.copy()
    if blur is PrivacyBlur.FACES:
        tracked = frame.tracked
        for box in (*(track.box for track in tracked.tracks), *tracked.candidate_boxes):
            _pixelate(image, Box.around(box.center, BLUR_MARGIN * max(box.width, box.height)))
    return image


def _pixelate(image: Image, box: Box) -> None:
    """Replace one part of an image by a few squares of its mean colors."""
    x1, y1, x2, y2 = (max(0, round(edge)) for edge in box.edges)
    part = image[y1:y2, x1:x2]
    if part.size:
        coarse = cv2.resize(part, (BLUR_BLOCKS, BLUR_BLOCKS), interpolation=cv2.INTER_AREA)
        cv2.resize(coarse, part.shape[1::-1], dst=part, interpolation=cv2.INTER_NEAREST)


class DrawStyle:
    """Sizes of what is drawn into an image, in its pixels; they grow with the image."""

    def __init__(self, image: Image) -> None:
        side: int = min(image.shape[:2])
        letter = max(7.0, LETTER_HEIGHT * side)
        self.line_width = max(1, round(LINE_WIDTH * side))
        self.font_scale = letter / FONT_CAPITAL_PX
        self.stroke_width = max(1, round(self.font_scale * 1.4))
        self.letter_height = round(letter)
        self.padding = max(2, self.letter_height // 2)  # from a letter to the rim of its plate
        self.label_height = self.letter_height + 2 * self.padding

    def label_width(self, text: str) -> int:
        """Return the width of a plate with `text`."""
        (width, _), _ = cv2.getTextSize(text, FONT, self.font_scale, self.stroke_width)
        return int(width) + 2 * self.padding


def draw_text(
    image: Image,
    text: str,
    corner: tuple[int, int],
    style: DrawStyle,
    colors: tuple[BgrColor, BgrColor] = (WHITE, BLACK),
) -> None:
    """Draw text on a plate whose upper left corner is at `corner` (x, y), each in its color."""
    x, y = corner
    opposite = x + style.label_width(text), y + style.label_height
    cv2.rectangle(image, corner, opposite, colors[1], cv2.FILLED)
    origin, size = (x + style.padding, y + style.padding + style.letter_height), style.font_scale
    cv2.putText(image, text, origin, FONT, size, colors[0], style.stroke_width, cv2.LINE_AA)


def label_text(face: Expression) -> str:
    """Return the label of a face: its number, and its expression or why it has none."""
    confidence = face.confidence
    detail = ", ".join(face.reasons) if confidence is None else f"{100 * confidence:.0f} %"
    text = f"#{face.track.track_id} {face.emotion} {detail}".replace("_", " ")
    # The font is ASCII only; a label of a user's own model may not be.
    return text.encode("ascii", "replace").decode()


def _draw_box(image: Image, face: Expression, style: DrawStyle) -> None:
    color, width = _bgr(color_for(face.emotion)), style.line_width
    x1, y1, x2, y2 = (round(edge) for edge in face.box.edges)
    if face.track.seen:
        cv2.rectangle(image, (x1, y1), (x2, y2), BLACK, 2 * width + 1)
        cv2.rectangle(image, (x1, y1), (x2, y2), color, width)
        return
    columns, rows = (np.linspace(*ends, 2 * DASHES, dtype=int) for ends in ((x1, x2), (y1, y2)))
    for start, end in columns.reshape(-1, 2).tolist():  # gaps are as long as dashes
        cv2.line(image, (start, y1), (end, y1), color, width)
        cv2.line(image, (start, y2), (end, y2), color, width)
    for start, end in rows.reshape(-1, 2).tolist():
        cv2.line(image, (x1, start), (x1, end), color, width)
        cv2.line(image, (x2, start), (x2, end), color, width)


def _draw_label(image: Image, face: Expression, style: DrawStyle) -> None:
    """Draw label and bar above the box, else below it, else into it: where there is room."""
    text, color = label_text(face), _bgr(color_for(face.emotion))
    width = style.label_width(text)
    height = style.label_height + max(4, style.letter_height // 2)
    x = max(0, min(round(face.box.x1), image.shape[1] - width - 1))
    y, below = round(face.box.y1) - height, round(face.box.y2) + 1
    if y < 0:
        fits = below + height < image.shape[0]
        y = below if fits else max(0, round(face.box.y1))
    draw_text(image, text, (x, y), style, (_bgr(text_color_for(face.emotion)), color))
    if face.confidence is not None:
        top, bottom, length = y + style.label_height, y + height, round(face.confidence * width)
        cv2.rectangle(image, (x, top), (x + width, bottom), BLACK, cv2.FILLED)
        cv2.rectangle(image, (x, top + 1), (x + length, bottom - 1), color, cv2.FILLED)


def _bgr(color: str) -> BgrColor:
    red, green, blue = bytes.fromhex(color[1:])
    return blue, green, red
