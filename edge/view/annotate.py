"""What was seen, drawn into a copy of the picture."""

from dataclasses import dataclass

import cv2

from edge.geometry import Box
from edge.label_colors import color_for, text_color_for
from edge.types import AnalyzedFrame, Expression, Image
from edge.view.blur import apply_privacy
from edge.view.settings import PrivacyBlur

FONT = cv2.FONT_HERSHEY_DUPLEX

LINE = 1 / 240
"""Thickness of a line, as a share of the frame's shorter side."""

LETTER = 1 / 40
"""Height of a capital letter, likewise."""

CAPITAL = 22.0
"""Pixels that a capital of `FONT` is high at scale 1."""

DASHES = 8
"""To a side of the box of a face that is not seen at the moment."""

Colour = tuple[int, int, int]
"""Blue, green, red."""

BLACK: Colour = (0, 0, 0)
WHITE: Colour = (255, 255, 255)


def annotate(scene: AnalyzedFrame, blur: PrivacyBlur, fps: float | None = None) -> Image:
    """Return a picture of one's own with the box, id, label and confidence of each face.

    Lines and letters grow with the picture. Each label stands on a plate of its expression's
    color, so that it can be read on any ground; below it a bar is as long as the confidence. The
    box of a face that is followed and not seen in this very frame is dashed.

    Args:
        scene: what was seen.
        blur: what is hidden in the picture.
        fps: frames a second to write into the corner; None writes none.
    """
    picture = apply_privacy(scene, blur)
    pen = DrawStyle.for_picture(picture)
    for expression in scene.expressions:
        _draw_box(picture, expression, pen)
    for expression in scene.expressions:  # over every box, so that no line crosses a label
        _draw_plate(picture, expression, pen)
    if fps is not None:
        corner = 0, picture.shape[0] - pen.height - 1
        write(picture, f"{fps:.1f} fps", corner, pen, front=WHITE, back=BLACK)
    return picture


@dataclass(frozen=True, slots=True)
class DrawStyle:
    """How large things are drawn in one picture, in its pixels.

    Attributes:
        line: thickness of a line.
        scale: of the font.
        letter: height of a capital.
    """

    line: int
    scale: float
    letter: int

    @classmethod
    def for_picture(cls, picture: Image) -> "DrawStyle":
        """Return the pen that suits the size of a picture."""
        side = min(picture.shape[:2])
        letter = max(7.0, LETTER * side)
        return cls(max(1, round(LINE * side)), letter / CAPITAL, round(letter))

    @property
    def stroke(self) -> int:
        """Thickness of a letter's strokes."""
        return max(1, round(self.scale * 1.4))

    @property
    def margin(self) -> int:
        """Between a letter and the rim of its plate."""
        return max(2, self.letter // 2)

    @property
    def height(self) -> int:
        """Of a plate with one line."""
        return self.letter + 2 * self.margin

    def width(self, text: str) -> int:
        """Return how wide a plate with `text` is."""
        (width, _), _ = cv2.getTextSize(text, FONT, self.scale, self.stroke)
        return int(width) + 2 * self.margin


def write(
    picture: Image,
    text: str,
    place: tuple[int, int],
    pen: DrawStyle,
    *,
    front: Colour,
    back: Colour,
) -> None:
    """Write one line on a plate whose left top corner is at `place`."""
    x, y = place
    cv2.rectangle(picture, place, (x + pen.width(text), y + pen.height), back, cv2.FILLED)
    ground = x + pen.margin, y + pen.margin + pen.letter
    cv2.putText(picture, text, ground, FONT, pen.scale, front, pen.stroke, cv2.LINE_AA)


def caption(expression: Expression) -> str:
    """Return what is written of a face: its id, and its expression or why that cannot be read."""
    share = expression.confidence
    told = f"{share:.0%}" if share is not None else ", ".join(expression.reasons)
    text = f"{expression.track.track_id} {expression.emotion} {told}".replace("_", " ")
    # The font has no other letters; a label of somebody's own model may have.
    return text.encode("ascii", "replace").decode()


def _draw_box(picture: Image, expression: Expression, pen: DrawStyle) -> None:
    corners = [round(edge) for edge in expression.box.edges]
    if not expression.track.seen:
        _draw_dashes(picture, expression.box, _bgr(expression), pen)
        return
    cv2.rectangle(picture, corners[:2], corners[2:], BLACK, 2 * pen.line + 1)
    cv2.rectangle(picture, corners[:2], corners[2:], _bgr(expression), pen.line)


def _draw_dashes(picture: Image, box: Box, front: Colour, pen: DrawStyle) -> None:
    left, top, right, bottom = box.edges
    steps = [n / (2 * DASHES - 1) for n in range(2 * DASHES)]
    for start, end in zip(steps[::2], steps[1::2], strict=True):
        x1, x2 = round(left + start * box.width), round(left + end * box.width)
        y1, y2 = round(top + start * box.height), round(top + end * box.height)
        for y in (round(top), round(bottom)):
            cv2.line(picture, (x1, y), (x2, y), front, pen.line)
        for x in (round(left), round(right)):
            cv2.line(picture, (x, y1), (x, y2), front, pen.line)


def _draw_plate(picture: Image, expression: Expression, pen: DrawStyle) -> None:
    """Draw label and bar above the box, else below it, else into it: wherever there is room."""
    text, front = caption(expression), _bgr(expression)
    bar = max(4, pen.letter // 2)
    width, height = pen.width(text), pen.height + bar
    x = _within(round(expression.box.x1), width, picture.shape[1])
    y = _beside(expression.box, height, picture.shape[0])
    write(
        picture,
        text,
        (x, y),
        pen,
        front=_hex_to_bgr(text_color_for(expression.emotion)),
        back=front,
    )
    if expression.confidence is not None:
        rim = y + pen.height, y + height
        full = x + round(expression.confidence * width)
        cv2.rectangle(picture, (x, rim[0]), (x + width, rim[1]), BLACK, cv2.FILLED)
        cv2.rectangle(picture, (x, rim[0] + 1), (full, rim[1] - 1), front, cv2.FILLED)


def _beside(box: Box, height: int, limit: int) -> int:
    """Return where what belongs to `box` and is so high begins, so that it hides no face."""
    above, below = round(box.y1) - height, round(box.y2) + 1
    if above >= 0:
        return above
    return below if below + height < limit else _within(round(box.y1), height, limit)


def _within(start: int, length: int, limit: int) -> int:
    """Move what begins at `start` so that it ends within `limit`, where it can."""
    return max(0, min(start, limit - length - 1))


def _bgr(expression: Expression) -> Colour:
    return _hex_to_bgr(color_for(expression.emotion))


def _hex_to_bgr(text: str) -> Colour:
    red, green, blue = bytes.fromhex(text[1:])
    return blue, green, red
