"""Timeline of expressions as SVG, and how reports format times, durations and text."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape

import numpy as np
from numpy.typing import NDArray

from edge.publish.intervals import ExpressionInterval
from edge.types import UNCERTAIN
from edge.view.annotate import color_for

WIDTH, LEFT, RIGHT = 1000, 48, 32
LANE, AXIS, TITLE, LEGEND = 26, 34, 40, 20
"""Sizes of the drawing and its parts in SVG units, which are pixels; across the drawing all else is
in per cent, so that a page can make it narrower, and its letters stay as large."""

LEGEND_COLUMNS = 3
MIN_BAR, MIN_OUTLINED = 0.05, 0.4  # least widths in per cent, of a bar and of one with an outline
MAX_LANES, MAX_INTERVALS = 24, 2500  # beyond either, shares of time are drawn instead of faces
COLUMNS, DENSITY_HEIGHT = 240, 180  # of the drawing of shares of time
ROUND = (1, 2, 5, 10, 15, 30)
TICK_STEPS = (*ROUND, *(60 * one for one in ROUND), 3600, 7200, 10800, 21600, 43200, 86400)
"""Seconds between two ticks of a time axis; longer steps are whole days."""

STYLE = (  # every second tick, of the class n, has no room on a phone
    "text{font:12px system-ui,sans-serif;fill:#566072}.t{font-size:14px;font-weight:600}"
    ".g{stroke:#8886;stroke-width:1}.s{stroke:#0006;stroke-width:.6}"
    "@media (max-width:600px){.n{display:none}}"
)

INVALID_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML cannot hold (w3.org/TR/xml, 2.2), such as bytes of a file name not UTF-8."""


def timeline_svg(intervals: Sequence[ExpressionInterval], video: bool, title: str) -> str:
    """Return a standalone SVG document with a title and the timeline, as `draw_timeline`."""
    chart, height = draw_timeline(intervals, video)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{TITLE + height}">'
        f'<text class="t" x="0" y="16">{escape_text(title)}</text>{chart}</svg>\n'
    )


def draw_timeline(intervals: Sequence[ExpressionInterval], video: bool) -> tuple[str, int]:
    """Return an SVG element with a lane for each face, colored by its expressions, and its height.

    For more faces than there is room for, it shows the share of faces with each expression. The
    seconds of a video count from its start. A page may narrow it; `LEFT` pixels are left of it.
    """
    start = 0.0 if video else min((one.start for one in intervals), default=0.0)
    end = max((one.end for one in intervals), default=start)
    scale = _TimeScale(start, max(end, start + 1.0), video)
    runs = list(dict.fromkeys(one.run for one in intervals))
    lanes: defaultdict[tuple[int, int, str], list[ExpressionInterval]] = defaultdict(list)
    for one in intervals:
        lanes[runs.index(one.run), one.track_id, one.camera_name].append(one)
    if len(lanes) > MAX_LANES or len(intervals) > MAX_INTERVALS:
        body, height = _density(intervals, scale), DENSITY_HEIGHT
    else:
        body, height = "", max(1, len(lanes)) * LANE
        for y, face in zip(range(0, height, LANE), sorted(lanes), strict=False):
            body += f'<text x="-{LEFT}" y="{y + 17}">#{face[1]}</text>'
            body += "".join(_bar(one, y + 4, scale) for one in lanes[face])
    legend, rows = _legend(intervals)
    total = height + AXIS + LEGEND * rows
    period = f"{format_time(scale.start, video)} to {format_time(scale.end, video)}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="timeline" role="img" x="{LEFT}" '
        f'y="{TITLE}" width="{WIDTH - LEFT - RIGHT}" height="{total}" overflow="visible">'
        f"<title>Timeline from {period}</title><style>{STYLE}</style>{_axis(scale, height)}{body}"
        f'<g transform="translate(0 {height + AXIS})">{legend}</g></svg>'
    ), total


@dataclass(frozen=True, slots=True)
class _TimeScale:
    """Maps a time in seconds to a place across the drawing."""

    start: float
    end: float
    video: bool

    def percent(self, time: float) -> float:
        return 100 * (time - self.start) / (self.end - self.start)


def _bar(interval: ExpressionInterval, y: int, scale: _TimeScale) -> str:
    time, duration = format_time(interval.start, scale.video), format_duration(interval.seconds)
    text = f"#{interval.track_id}: {interval.emotion}, {duration} from {time}"
    x = scale.percent(interval.start)
    width = max(MIN_BAR, scale.percent(interval.end) - x)
    outline = ' class="s"' if width > MIN_OUTLINED else ""
    return (
        f'<rect{outline} x="{x:.2f}%" y="{y}" width="{width:.2f}%" height="{LANE - 8}" '
        f'fill="{color_for(interval.emotion)}"><title>{escape_text(text)}</title></rect>'
    )


def _density(intervals: Sequence[ExpressionInterval], scale: _TimeScale) -> str:
    """Draw a column for each part of the time; full height is the most faces at a time."""
    edges = np.linspace(scale.start, scale.end, COLUMNS + 1)
    faces: defaultdict[str, NDArray[np.float64]] = defaultdict(lambda: np.zeros(COLUMNS))
    for one in intervals:
        overlaps = np.minimum(one.end, edges[1:]) - np.maximum(one.start, edges[:-1])
        faces[one.emotion] += overlaps.clip(min=0.0) / (edges[1] - edges[0])
    most = sum(faces.values(), np.zeros(COLUMNS)).max() or 1.0
    parts, tops = [f'<text x="0" y="-4">{most:.1f} faces</text>'], np.full(COLUMNS, DENSITY_HEIGHT)
    for emotion in sorted(faces):
        heights, color = DENSITY_HEIGHT * faces[emotion] / most, color_for(emotion)
        tops = tops - heights
        parts += [
            f'<rect x="{100 * index / COLUMNS:.2f}%" y="{tops[index]:.1f}" fill="{color}" '
            f'width="{100 / COLUMNS:.3f}%" height="{heights[index]:.1f}"/>'
            for index in np.flatnonzero(heights)
        ]
    return "".join(parts)


def _axis(scale: _TimeScale, height: int) -> str:
    parts, last_date = [], ""
    for index, tick in enumerate(axis_ticks(scale.start, scale.end, 8, scale.video)):
        x, of_half = f"{scale.percent(tick):.2f}%", ' class="n"' if index % 2 else ""
        parts.append(f'<line class="g" x1="{x}" x2="{x}" y1="0" y2="{height + 4}"/>')
        date = "" if scale.video else f"{datetime.fromtimestamp(tick):%m-%d}"
        text = format_time(tick, scale.video)
        if date != last_date and scale.end - scale.start > 43200:
            text = f"{date} {text[:5]}"
        last_date = date
        parts.append(f'<text{of_half} x="{x}" y="{height + 18}" text-anchor="middle">{text}</text>')
    return "".join(parts)


def _legend(intervals: Sequence[ExpressionInterval]) -> tuple[str, int]:
    """Return the legend, and its number of rows."""
    emotions = sorted({one.emotion for one in intervals}, key=lambda one: (one == UNCERTAIN, one))
    parts = ""
    for index, emotion in enumerate(emotions):
        row, column = divmod(index, LEGEND_COLUMNS)
        x, y = f'x="{100 * column / LEGEND_COLUMNS:g}%"', LEGEND * row
        parts += (
            f'<rect class="s" {x} y="{y}" width="12" height="12" fill="{color_for(emotion)}"/>'
            f'<text {x} dx="18" y="{y + 10}">{escape_text(emotion)}</text>'
        )
    return parts, -(-len(emotions) // LEGEND_COLUMNS)


def escape_text(text: str) -> str:
    """Return any text as SVG and HTML hold it."""
    return escape(INVALID_XML.sub("\ufffd", text))


def format_time(time: float, video: bool) -> str:
    """Return a position in a video as 1:02:03, else the local time of day."""
    if not video:
        return f"{datetime.fromtimestamp(time):%H:%M:%S}"
    return str(timedelta(seconds=round(time)))


def format_duration(seconds: float) -> str:
    """Return a duration in its two largest units."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def axis_ticks(start: float, end: float, max_ticks: int, video: bool) -> list[float]:
    """Return at most `max_ticks` round times from `start` to `end`."""
    fitting = [step for step in TICK_STEPS if (end - start) / step < max_ticks]
    step = fitting[0] if fitting else 86400 * (1 + int((end - start) / 86400 / max_ticks))
    # Round hours are local ones.
    shift = 0.0 if video else datetime.fromtimestamp(start).astimezone().utcoffset().total_seconds()  # type: ignore[union-attr]
    first = -(-(start + shift) // step) * step - shift
    return [first + index * step for index in range(int((end - first) // step) + 1)]
