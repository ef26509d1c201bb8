"""A page about recorded events: HTML that needs nothing but itself."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from edge.label_colors import color_for
from edge.offline.format import clock, day, lasting, zone
from edge.offline.intervals import ExpressionInterval, intervals_of, is_film, join, moment, once
from edge.offline.statistics import durations, shares, transitions, watched
from edge.offline.timeline import timeline_svg
from edge.offline.words import words
from edge.types import EmotionEvent, EventType

MOST_FACES = 20
"""In the table of faces; the longest in view come first."""

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""The page runs nothing and asks nobody for anything, whatever stands in the events."""

NOTICE = (
    "An expression is what a face shows, as strangers would name it from a picture; it is not a "
    "feeling, and the guess is often wrong. A number belongs to a face as long as it is in view: "
    "who returns is another. No picture of anybody is part of this page."
)

STYLE = """
:root { --ground: #f5f6f8; --card: #fff; --ink: #16181d; --soft: #5a6070; --line: #dfe2e8;
  font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--ground); }
@media (prefers-color-scheme: dark) { :root { --ground: #101216; --card: #1a1d23; --ink: #eceef2;
  --soft: #a2a9b8; --line: #31353e; } svg text { fill: #a2a9b8 !important; } }
body { max-width: 1080px; margin: 0 auto; padding: 24px 16px 40px; }
h1 { font-size: 22px; margin: 0 0 4px; } h2 { font-size: 15px; margin: 0 0 12px; }
p { margin: 0 0 12px; color: var(--soft); }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 16px 18px; margin-top: 16px; overflow-x: auto; break-inside: avoid; }
dl { display: flex; flex-wrap: wrap; gap: 8px 36px; margin: 16px 0 0; }
dl div { display: flex; flex-direction: column-reverse; }
dt { font-size: 13px; color: var(--soft); } dd { margin: 0; font-size: 22px; font-weight: 600; }
svg { display: block; max-width: 100%; height: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 4px 14px 4px 0; border-bottom: 1px solid var(--line); }
th { font-weight: 500; color: var(--soft); font-size: 13px; }
th:first-child { text-align: left; color: var(--ink); font-size: 15px; }
.columns { display: grid; gap: 0 16px;
  grid-template-columns: repeat(auto-fit, minmax(320px, 1fr)); }
@media print { section { border: 0; padding: 0; } :root { background: #fff; } }
"""


def write_page(name: str, events: Sequence[EmotionEvent]) -> str:
    """Return a page about events, as HTML without any picture of people.

    Args:
        name: of where they were recorded.
        events: at least one, in any order.
    """
    events = once(events)
    film, spans = is_film(events), intervals_of(events)
    sections = [
        _section("Timeline", timeline_svg(spans, film, "Expression of each face")),
        '<div class="columns">',
        _section("Time by expression", _shares_table(shares(spans))),
        _section("How long each lasts", _durations_table(spans)),
        "</div>",
        _section("Faces", _faces_table(spans, film)),
        '<div class="columns">',
        _section("What became of what", _transitions_table(spans)),
        _section("Why a face could not be read", _reasons_table(events)),
        "</div>",
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{words(name)}: expressions</title><style>{STYLE}</style></head>\n<body>"
        f"{_head(name, events, spans, film)}\n{''.join(sections)}\n"
        f"<section><p>{NOTICE}</p></section></body></html>\n"
    )


def _head(
    name: str, events: Sequence[EmotionEvent], spans: Sequence[ExpressionInterval], film: bool
) -> str:
    figures = {
        "faces": str(len(join(spans))),
        "with a face in view": lasting(watched(spans)),
        "expressions": str(len(spans)),
        "events": str(len(events)),
    }
    told = "".join(
        f"<div><dt>{label}</dt><dd>{value}</dd></div>" for label, value in figures.items()
    )
    return f"<h1>{words(name)}</h1><p>{words(_origin(events, film))}</p><dl>{told}</dl>"


def _origin(events: Sequence[EmotionEvent], film: bool) -> str:
    """Return when the events were, and what told them."""
    first, last = (choose(moment(event, film) for event in events) for choose in (min, max))
    period = f"{clock(first, film)} to {clock(last, film)}"
    if not film:
        until = "" if day(first) == day(last) else f"{day(last)} "
        period = f"{day(first)} {clock(first, film)} to {until}{clock(last, film)} ({zone(first)})"
    models = ", ".join(sorted({event.model for event in events}))
    detectors = ", ".join(sorted({event.detector for event in events}))
    return f"{period}; model {models}, detector {detectors}"


def _section(title: str, body: str) -> str:
    return f"<section><h2>{title}</h2>{body}</section>"


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table of cells that are HTML already."""
    head = "".join(f'<th scope="col">{one}</th>' for one in heads)
    lines = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>'
        for first, *rest in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"


def _shares_table(seconds: Mapping[str, float]) -> str:
    total = sum(seconds.values()) or 1.0
    rows = [
        (
            words(emotion),
            _strip({emotion: time / total}, 180),
            f"{time / total:.0%}",
            lasting(time),
        )
        for emotion, time in seconds.items()
    ]
    return _table(("", "", "share", "time"), rows)


def _durations_table(spans: Sequence[ExpressionInterval]) -> str:
    rows = [
        (words(emotion), str(one.times), lasting(one.median), lasting(one.longest))
        for emotion, one in durations(spans).items()
    ]
    return _table(("", "times", "median", "longest"), rows)


def _faces_table(spans: Sequence[ExpressionInterval], film: bool) -> str:
    """Return a row for each visit, the longest first."""
    visits = sorted(join(spans), key=lambda visit: visit[0].start - visit[-1].end)
    rows = []
    for visit in visits[:MOST_FACES]:
        seconds = shares(visit)
        total = sum(seconds.values())
        most = next(iter(seconds))
        rows.append(
            (
                f"face {visit[0].track_id}",
                clock(visit[0].start, film),
                lasting(total),
                _strip({emotion: time / total for emotion, time in seconds.items()}, 300),
                f"{words(most)} {seconds[most] / total:.0%}",
            )
        )
    left = len(visits) - len(rows)
    more = f"<p>{left} more, each in view for a shorter time.</p>" if left else ""
    return _table(("", "came", "in view", "", "mostly"), rows) + more


def _transitions_table(spans: Sequence[ExpressionInterval]) -> str:
    counted = transitions(spans)
    labels = sorted({label for pair in counted for label in pair})
    if not labels:
        return "<p>No face changed its expression.</p>"
    rows = [
        (words(before), *(str(counted.get((before, after), "")) for after in labels))
        for before in labels
    ]
    return _table(("from, to", *map(words, labels)), rows)


def _reasons_table(events: Iterable[EmotionEvent]) -> str:
    told = Counter(
        reason for event in events if event.type is not EventType.END for reason in event.reasons
    )
    if not told:
        return "<p>Every face could be read.</p>"
    often = sorted(told.items(), key=lambda item: (-item[1], item[0]))
    rows = [(reason.replace("_", " "), str(count)) for reason, count in often]
    return _table(("", "times"), rows)


def _strip(parts: Mapping[str, float], width: int) -> str:
    """Return shares as parts of one bar."""
    drawn, x = [], 0.0
    for emotion, share in parts.items():
        drawn.append(
            f'<rect x="{x:.1f}" width="{share * width:.1f}" height="12" '
            f'fill="{color_for(emotion)}" '
            f'stroke="#0004" stroke-width=".6"><title>{words(emotion)} {share:.0%}</title></rect>'
        )
        x += share * width
    return f'<svg width="{width}" height="12" aria-hidden="true">{"".join(drawn)}</svg>'
