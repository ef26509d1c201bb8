"""What the window shows: the annotated picture, and lines of text in it."""

from collections.abc import Sequence

import numpy as np

from edge.types import AnalyzedFrame, Image
from edge.view.annotate import BLACK, WHITE, DrawStyle, annotate, write
from edge.view.view_context import ViewContext

BLANK = (480, 640, 3)
"""Of what is shown while there is no picture: height, width, channels."""

GROUND = 40
"""Its grey value."""


def render_window(scene: AnalyzedFrame | None, outlook: ViewContext, lines: Sequence[str]) -> Image:
    """Return what the window shows, BGR uint8.

    Args:
        scene: what is seen; None where nothing is.
        outlook: says what is hidden.
        lines: to be written into the left top corner.
    """
    if scene is None:
        picture = np.full(BLANK, GROUND, dtype=np.uint8)
    else:
        picture = annotate(scene, outlook.blur, outlook.showcase.fps)
    pen = DrawStyle.for_picture(picture)
    for place, line in enumerate(lines):
        corner = pen.margin, pen.margin + place * (pen.height + 1)
        write(picture, line, corner, pen, front=WHITE, back=BLACK)
    return picture
