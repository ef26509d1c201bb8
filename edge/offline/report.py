"""Reports of recorded events: a CSV table, and an HTML page that needs nothing but itself."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from statistics import median

from edge.offline.timeline import (
    escape_text,
    format_date,
    format_duration,
    format_time,
    timeline_svg,
)
from edge.publish.intervals import (
    ExpressionInterval,
    deduplicate,
    durations,
    event_time,
    intervals_of,
    is_video,
    time_by_emotion,
    time_in_view,
    transitions,
    visits,
)
from edge.types import EmotionEvent, EventType
from edge.view.annotate import color_for

FIRST_COLUMNS = ("position", "type", "track_id", "emotion", "confidence")
LAST_COLUMNS = ("reasons", "x1", "y1", "x2", "y2", "duration")
"""Columns of the CSV before and after those of the classes."""

MAX_FACES = 20
"""Rows in the table of faces; those longest in view come first."""

CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""The page runs nothing and loads nothing, whatever stands in the events."""

NOTICE = (
    "An expression is what a face shows, as strangers would name it from an image; it is not a "
    "feeling, and the guess is often wrong. A number belongs to a face as long as it is in view: "
    "who returns is another. No image of anybody is part of this page."
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


def events_csv(events: Iterable[EmotionEvent], labels: Sequence[str]) -> str:
    """Return events as CSV (RFC 4180) with a header row, and a probability for each class."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow((*FIRST_COLUMNS, *labels, *LAST_COLUMNS))
    for event in events:
        probabilities = event.probabilities or {}
        row: list[object] = [
            "" if event.position is None else f"{event.position:.3f}",
            event.type.value,
            event.track_id,
            event.emotion,
            "" if event.confidence is None else event.confidence,
            *(probabilities.get(label, "") for label in labels),
            " ".join(event.reasons),
            *(round(edge, 1) for edge in event.box.edges),
            round(event.duration, 3),
        ]
        writer.writerow(row)
    return text.getvalue()


def html_report(name: str, events: Sequence[EmotionEvent]) -> str:
    """Return an HTML page about events, at least one in any order, without any image of people."""
    events = deduplicate(events)
    video, intervals = is_video(events), intervals_of(events)
    sections = [
        _section("Timeline", timeline_svg(intervals, video, "Expression of each face")),
        '<div class="columns">',
        _section("Time by expression", _shares_table(time_by_emotion(intervals))),
        _section("How long each lasts", _durations_table(intervals)),
        "</div>",
        _section("Faces", _faces_table(intervals, video)),
        '<div class="columns">',
        _section("What became of what", _transitions_table(intervals)),
        _section("Why a face could not be read", _reasons_table(events)),
        "</div>",
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{CONTENT_SECURITY_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape_text(name)}: expressions</title><style>{STYLE}</style></head>\n<body>"
        f"{_header(name, events, intervals, video)}\n{''.join(sections)}\n"
        f"<section><p>{NOTICE}</p></section></body></html>\n"
    )


def _header(
    name: str, events: Sequence[EmotionEvent], intervals: Sequence[ExpressionInterval], video: bool
) -> str:
    """Return what the events are of: period, model and detector, and how many of what there are."""
    first, last = (choose(event_time(event, video) for event in events) for choose in (min, max))
    start, end = format_time(first, video), format_time(last, video)
    period = f"{start} to {end}"
    if not video:
        day, last_day = format_date(first), format_date(last)
        until = "" if day == last_day else f"{last_day} "
        zone = datetime.fromtimestamp(first).astimezone()
        period = f"{day} {start} to {until}{end} ({zone:%Z})"
    models = ", ".join(sorted({event.model for event in events}))
    detectors = ", ".join(sorted({event.detector for event in events}))
    origin = escape_text(f"{period}; model {models}, detector {detectors}")
    figures = {
        "faces": len(visits(intervals)),
        "with a face in view": format_duration(time_in_view(intervals)),
        "expressions": len(intervals),
        "events": len(events),
    }
    items = (f"<div><dt>{label}</dt><dd>{value}</dd></div>" for label, value in figures.items())
    return f"<h1>{escape_text(name)}</h1><p>{origin}</p><dl>{''.join(items)}</dl>"


def _section(title: str, body: str) -> str:
    return f"<section><h2>{title}</h2>{body}</section>"


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table whose cells are HTML already."""
    head = "".join(f'<th scope="col">{cell}</th>' for cell in header)
    lines = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>'
        for first, *rest in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"


def _shares_table(seconds: Mapping[str, float]) -> str:
    total = sum(seconds.values()) or 1.0
    rows = []
    for emotion, time in seconds.items():
        share = time / total
        bar = _share_bar({emotion: share}, 180)
        rows.append((escape_text(emotion), bar, f"{share:.0%}", format_duration(time)))
    return _table(("", "", "share", "time"), rows)


def _durations_table(intervals: Sequence[ExpressionInterval]) -> str:
    rows = []
    for emotion, seconds in durations(intervals).items():
        middle, longest = format_duration(median(seconds)), format_duration(max(seconds))
        rows.append((escape_text(emotion), str(len(seconds)), middle, longest))
    return _table(("", "times", "median", "longest"), rows)


def _faces_table(intervals: Sequence[ExpressionInterval], video: bool) -> str:
    """Return a row for each visit, the longest first."""
    ranked = sorted(visits(intervals), key=lambda visit: visit[0].start - visit[-1].end)
    rows = []
    for visit in ranked[:MAX_FACES]:
        seconds = time_by_emotion(visit)
        total = sum(seconds.values())
        shares = {emotion: time / total for emotion, time in seconds.items()}
        most, share = next(iter(shares.items()))
        came, in_view = format_time(visit[0].start, video), format_duration(total)
        bar, mostly = _share_bar(shares, 300), f"{escape_text(most)} {share:.0%}"
        rows.append((f"face {visit[0].track_id}", came, in_view, bar, mostly))
    left_out = len(ranked) - len(rows)
    more = f"<p>{left_out} more, each in view for a shorter time.</p>" if left_out else ""
    return _table(("", "came", "in view", "", "mostly"), rows) + more


def _transitions_table(intervals: Sequence[ExpressionInterval]) -> str:
    counts = transitions(intervals)
    labels = sorted({label for pair in counts for label in pair})
    if not labels:
        return "<p>No face changed its expression.</p>"
    rows = [
        (escape_text(before), *(str(counts.get((before, after), "")) for after in labels))
        for before in labels
    ]
    return _table(("from, to", *map(escape_text, labels)), rows)


def _reasons_table(events: Iterable[EmotionEvent]) -> str:
    counts = Counter(
        reason for event in events if event.type is not EventType.END for reason in event.reasons
    )
    if not counts:
        return "<p>Every face could be read.</p>"
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    rows = [(reason.replace("_", " "), str(count)) for reason, count in ranked]
    return _table(("", "times"), rows)


def _share_bar(shares: Mapping[str, float], width: int) -> str:
    """Return shares as parts of one bar."""
    parts, x = [], 0.0
    for emotion, share in shares.items():
        parts.append(
            f'<rect x="{x:.1f}" width="{share * width:.1f}" height="12" '
            f'fill="{color_for(emotion)}" stroke="#0004" stroke-width=".6">'
            f"<title>{escape_text(emotion)} {share:.0%}</title></rect>"
        )
        x += share * width
    return f'<svg width="{width}" height="12" aria-hidden="true">{"".join(parts)}</svg>'
