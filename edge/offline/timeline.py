"""A picture of who showed what when: SVG."""

from collections.abc import Sequence

from edge.label_colors import color_for
from edge.offline.format import clock, day, lasting, marks
from edge.offline.intervals import ExpressionInterval, clip, join
from edge.offline.words import words
from edge.types import UNCERTAIN

WIDTH = 1000
LEFT = 70
RIGHT = 24
LANE = 26
AXIS = 28
TITLE = 34
LEGEND = 30
"""Of the picture and its parts, in its own units; pixels where it is shown as it is."""

RIM = 4
"""Width from which a bar has a rim; of narrower ones little else would be seen."""

MOST_LANES = 24
MOST_SPANS = 2500
"""Beyond either nobody can tell faces apart: shares of time are drawn instead."""

BUCKETS = 240
DENSITY = 180
"""Columns of such a drawing, and its height."""

STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#5a6070}.t{font-size:15px;font-weight:600}"
    ".g{stroke:#8886;stroke-width:1}.s{stroke:#0005;stroke-width:.6}"
)


def timeline_svg(spans: Sequence[ExpressionInterval], film: bool, title: str) -> str:
    """Return a standalone SVG document: a lane for each face, coloured by what it shows.

    Of many faces it shows, for each part of the time, what share of all faces showed what.

    Args:
        spans: what was seen.
        film: whether their seconds count from the beginning of a film.
        title: written above.
    """
    start = 0.0 if film else min((span.start for span in spans), default=0.0)
    end = max((span.end for span in spans), default=start)
    end = max(end, start + 1.0)
    view = _View(start, end, film)
    lanes = _lanes(spans)
    many = len(lanes) > MOST_LANES or len(spans) > MOST_SPANS
    body, height = _density(spans, view) if many else _draw_lanes(lanes, view)
    return _document(title, spans, view, body, height)


class _View:
    """Which seconds lie where across the picture."""

    def __init__(self, start: float, end: float, film: bool) -> None:
        self.start, self.end, self.film = start, end, film

    def x(self, moment: float) -> float:
        share = (moment - self.start) / (self.end - self.start)
        return LEFT + share * (WIDTH - LEFT - RIGHT)


def _lanes(spans: Sequence[ExpressionInterval]) -> list[list[ExpressionInterval]]:
    """Lay the visits of faces into as few lanes as they need; few faces have a lane each."""
    tracks = sorted({span.track_id for span in spans})
    if len(tracks) <= MOST_LANES:
        return [[span for span in spans if span.track_id == track] for track in tracks]
    lanes: list[list[ExpressionInterval]] = []
    for visit in join(spans):
        free = next((lane for lane in lanes if lane[-1].end <= visit[0].start), None)
        if free is None:
            lanes.append(list(visit))
        else:
            free.extend(visit)
    return lanes


def _draw_lanes(lanes: list[list[ExpressionInterval]], view: _View) -> tuple[str, int]:
    parts = []
    for place, lane in enumerate(lanes):
        y = place * LANE
        numbers = {span.track_id for span in lane}
        name = f"face {numbers.pop()}" if len(numbers) == 1 else "faces"
        parts.append(f'<text x="0" y="{y + 17}">{name}</text>')
        parts += [_bar(span, y + 4, view) for span in lane]
    return "".join(parts), max(1, len(lanes)) * LANE


def _bar(span: ExpressionInterval, y: int, view: _View) -> str:
    told = f"face {span.track_id}: {span.emotion}, {lasting(span.seconds)}"
    told += f" from {clock(span.start, view.film)}"
    x, width = view.x(span.start), view.x(span.end) - view.x(span.start)
    rim = ' class="s"' if width > RIM else ""
    return (
        f'<rect{rim} x="{x:.1f}" y="{y}" width="{max(0.5, width):.1f}" height="{LANE - 8}" '
        f'fill="{color_for(span.emotion)}"><title>{words(told)}</title></rect>'
    )


def _density(spans: Sequence[ExpressionInterval], view: _View) -> tuple[str, int]:
    """Draw a column for each part of the time; full height is as many faces as were ever there."""
    columns = _columns(spans, view)
    tallest = max((sum(column.values()) for column in columns), default=0.0) or 1.0
    seconds = (view.end - view.start) / BUCKETS
    width = (WIDTH - LEFT - RIGHT) / BUCKETS
    parts = [f'<text x="0" y="12">{tallest / seconds:.1f} faces</text>']
    for place, column in enumerate(columns):
        y = float(DENSITY)
        for emotion in sorted(column):
            height = DENSITY * column[emotion] / tallest
            y -= height
            parts.append(
                f'<rect x="{LEFT + place * width:.1f}" y="{y:.1f}" width="{width:.2f}" '
                f'height="{height:.1f}" fill="{color_for(emotion)}"/>'
            )
    return "".join(parts), DENSITY


def _columns(spans: Sequence[ExpressionInterval], view: _View) -> list[dict[str, float]]:
    """Return for each part of the time the seconds of each expression in it."""
    seconds = (view.end - view.start) / BUCKETS
    columns: list[dict[str, float]] = [{} for _ in range(BUCKETS)]
    for span in spans:
        first = int((span.start - view.start) / seconds)
        last = min(BUCKETS - 1, int((span.end - view.start) / seconds))
        for place in range(first, last + 1):
            begin = view.start + place * seconds
            part = clip(span, begin, begin + seconds)
            if part is not None:
                columns[place][part.emotion] = columns[place].get(part.emotion, 0.0) + part.seconds
    return columns


def _document(
    title: str, spans: Sequence[ExpressionInterval], view: _View, body: str, height: int
) -> str:
    whole = TITLE + height + AXIS + LEGEND
    told = f"From {clock(view.start, view.film)} to {clock(view.end, view.film)}."
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {whole}" role="img" '
        f'width="{WIDTH}" height="{whole}"><title>{words(title)}</title><desc>{told}</desc>'
        f'<style>{STYLE}</style><text class="t" x="0" y="16">{words(title)}</text>'
        f'<g transform="translate(0 {TITLE})">{_axis(view, height)}{body}</g>'
        f'<g transform="translate({LEFT} {TITLE + height + AXIS})">{_legend(spans)}</g></svg>\n'
    )


def _axis(view: _View, height: int) -> str:
    parts, before = [], ""
    for mark in marks(view.start, view.end, 8, view.film):
        x = view.x(mark)
        parts.append(f'<line class="g" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height + 4}"/>')
        today = "" if view.film else day(mark)
        text = clock(mark, view.film)
        if today != before and view.end - view.start > 43200:
            text = f"{today} {text[:5]}"
        before = today
        parts.append(f'<text x="{x:.1f}" y="{height + 18}" text-anchor="middle">{text}</text>')
    return "".join(parts)


def _legend(spans: Sequence[ExpressionInterval]) -> str:
    shown = sorted({span.emotion for span in spans}, key=lambda one: (one == UNCERTAIN, one))
    parts, x = [], 0
    for emotion in shown:
        parts.append(
            f'<rect class="s" x="{x}" y="8" width="12" height="12" fill="{color_for(emotion)}"/>'
            f'<text x="{x + 18}" y="18">{words(emotion)}</text>'
        )
        x += 36 + 7 * len(emotion)
    return "".join(parts)
