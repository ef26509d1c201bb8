"""The colour of each expression, wherever one is drawn."""

from edge.types import UNCERTAIN

COLOURS = {
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
"""As `#rrggbb`: those that people with any colour vision can tell apart (Okabe and Ito 2008,
jfly.uni-koeln.de/color), and two greys."""

OTHER = "#ffffff"
"""Of a class that only somebody's own model knows."""


def color_for(emotion: str) -> str:
    """Return the colour of an expression, as `#rrggbb`."""
    return COLOURS.get(emotion, OTHER)


def text_color_for(emotion: str) -> str:
    """Return black or white, whichever is read more easily on an expression's colour.

    By the contrast ratio of WCAG 2.2 (w3.org/TR/WCAG22, "relative luminance").
    """
    luminance = sum(
        weight * _linear(part / 255)
        for weight, part in zip(
            (0.2126, 0.7152, 0.0722), bytes.fromhex(color_for(emotion)[1:]), strict=True
        )
    )
    return "#000000" if (luminance + 0.05) ** 2 > 1.05 * 0.05 else "#ffffff"


def _linear(part: float) -> float:
    """Undo sRGB's gamma."""
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)
