"""Timeline of expressions as SVG, and how reports format times, durations and text."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

import numpy as np
from numpy.typing import NDArray

from edge.publish.intervals import ExpressionInterval
from edge.types import UNCERTAIN
from edge.view.annotate import color_for

WIDTH, LEFT, RIGHT = 1000, 70, 24
LANE, AXIS, TITLE, LEGEND = 26, 28, 34, 30
"""Sizes of the drawing and its parts in SVG units, which are pixels where it is not scaled."""

MIN_OUTLINED_WIDTH = 4
"""Width in SVG units from which a bar has an outline; a narrower one would be little else."""

MAX_LANES, MAX_INTERVALS = 24, 2500
"""Beyond either nobody can tell faces apart: shares of time are drawn instead."""

COLUMNS, DENSITY_HEIGHT = 240, 180
"""Columns and height of the drawing of shares of time."""

ROUND = (1, 2, 5, 10, 15, 30)
TICK_STEPS = (*ROUND, *(60 * one for one in ROUND), 3600, 7200, 10800, 21600, 43200, 86400)
"""Seconds between two ticks of a time axis; longer steps are whole days."""

STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#5a6070}.t{font-size:15px;font-weight:600}"
    ".g{stroke:#8886;stroke-width:1}.s{stroke:#0005;stroke-width:.6}"
)

INVALID_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML cannot hold (w3.org/TR/xml, 2.2), such as bytes of a file name not UTF-8."""


def timeline_svg(intervals: Sequence[ExpressionInterval], video: bool, title: str) -> str:
    """Return a standalone SVG document: a lane for each face, colored by its expressions.

    For more faces than there is room for, it shows the share of faces with each expression. The
    seconds of a video count from its start.
    """
    start = 0.0 if video else min((one.start for one in intervals), default=0.0)
    end = max((one.end for one in intervals), default=start)
    scale = _TimeScale(start, max(end, start + 1.0), video)
    lanes = _lanes(intervals)
    if len(lanes) > MAX_LANES or len(intervals) > MAX_INTERVALS:
        body, height = _density(intervals, scale), DENSITY_HEIGHT
    else:
        body, height = _draw_lanes(lanes, scale), max(1, len(lanes)) * LANE
    return _document(title, intervals, scale, body, height)


@dataclass(frozen=True, slots=True)
class _TimeScale:
    """Maps a time in seconds to a place across the drawing."""

    start: float
    end: float
    video: bool

    def x(self, time: float) -> float:
        share = (time - self.start) / (self.end - self.start)
        return LEFT + share * (WIDTH - LEFT - RIGHT)


def _lanes(intervals: Sequence[ExpressionInterval]) -> list[list[ExpressionInterval]]:
    """Return the intervals of each face, in the order of the runs and of their numbers."""
    runs = list(dict.fromkeys(one.run for one in intervals))
    lanes: defaultdict[tuple[int, int], list[ExpressionInterval]] = defaultdict(list)
    for one in intervals:
        lanes[runs.index(one.run), one.track_id].append(one)
    return [lanes[track] for track in sorted(lanes)]


def _draw_lanes(lanes: list[list[ExpressionInterval]], scale: _TimeScale) -> str:
    parts = []
    for index, lane in enumerate(lanes):
        y = index * LANE
        parts.append(f'<text x="0" y="{y + 17}">face {lane[0].track_id}</text>')
        parts += [_bar(one, y + 4, scale) for one in lane]
    return "".join(parts)


def _bar(interval: ExpressionInterval, y: int, scale: _TimeScale) -> str:
    text = f"face {interval.track_id}: {interval.emotion}, {format_duration(interval.seconds)}"
    text += f" from {format_time(interval.start, scale.video)}"
    x, width = scale.x(interval.start), scale.x(interval.end) - scale.x(interval.start)
    outline = ' class="s"' if width > MIN_OUTLINED_WIDTH else ""
    return (
        f'<rect{outline} x="{x:.1f}" y="{y}" width="{max(0.5, width):.1f}" height="{LANE - 8}" '
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
    width = (WIDTH - LEFT - RIGHT) / COLUMNS
    parts, tops = [f'<text x="0" y="12">{most:.1f} faces</text>'], np.full(COLUMNS, DENSITY_HEIGHT)
    for emotion in sorted(faces):
        heights = DENSITY_HEIGHT * faces[emotion] / most
        tops = tops - heights
        parts += [
            f'<rect x="{LEFT + index * width:.1f}" y="{tops[index]:.1f}" width="{width:.2f}" '
            f'height="{heights[index]:.1f}" fill="{color_for(emotion)}"/>'
            for index in np.flatnonzero(heights)
        ]
    return "".join(parts)


def _document(
    title: str, intervals: Sequence[ExpressionInterval], scale: _TimeScale, body: str, height: int
) -> str:
    total = TITLE + height + AXIS + LEGEND
    period = f"{format_time(scale.start, scale.video)} to {format_time(scale.end, scale.video)}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {total}" role="img" '
        f'width="{WIDTH}" height="{total}"><title>{escape_text(title)}</title>'
        f"<desc>From {period}.</desc>"
        f'<style>{STYLE}</style><text class="t" x="0" y="16">{escape_text(title)}</text>'
        f'<g transform="translate(0 {TITLE})">{_axis(scale, height)}{body}</g>'
        f'<g transform="translate({LEFT} {TITLE + height + AXIS})">{_legend(intervals)}</g></svg>\n'
    )


def _axis(scale: _TimeScale, height: int) -> str:
    parts, previous_date = [], ""
    for tick in axis_ticks(scale.start, scale.end, 8, scale.video):
        x = scale.x(tick)
        parts.append(f'<line class="g" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height + 4}"/>')
        date = "" if scale.video else format_date(tick)
        text = format_time(tick, scale.video)
        if date != previous_date and scale.end - scale.start > 43200:
            text = f"{date} {text[:5]}"
        previous_date = date
        parts.append(f'<text x="{x:.1f}" y="{height + 18}" text-anchor="middle">{text}</text>')
    return "".join(parts)


def _legend(intervals: Sequence[ExpressionInterval]) -> str:
    emotions = sorted({one.emotion for one in intervals}, key=lambda one: (one == UNCERTAIN, one))
    parts, x = [], 0
    for emotion in emotions:
        parts.append(
            f'<rect class="s" x="{x}" y="8" width="12" height="12" fill="{color_for(emotion)}"/>'
            f'<text x="{x + 18}" y="18">{escape_text(emotion)}</text>'
        )
        x += 36 + 7 * len(emotion)
    return "".join(parts)


def escape_text(text: str) -> str:
    """Return any text as SVG and HTML hold it."""
    return escape(INVALID_XML.sub("\ufffd", text))


def format_time(time: float, video: bool) -> str:
    """Return a position in a video as 1:02:03, else the local time of day."""
    if not video:
        return f"{datetime.fromtimestamp(time):%H:%M:%S}"
    minutes, seconds = divmod(round(time), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


def format_date(time: float) -> str:
    """Return the local date of a POSIX time, as 2026-11-26."""
    return datetime.fromtimestamp(time).date().isoformat()


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
