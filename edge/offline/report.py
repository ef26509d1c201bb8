"""Reports of recorded events: a CSV table, and an HTML page that needs nothing but itself."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from statistics import median
from string import Template

from edge.offline.timeline import draw_timeline, escape_text, format_duration, format_time
from edge.publish import intervals as spans
from edge.publish.intervals import ExpressionInterval
from edge.types import EmotionEvent, EventType
from edge.view.annotate import color_for

FIRST_COLUMNS = ("position", "type", "track_id", "emotion", "confidence")  # of the CSV; classes
LAST_COLUMNS = ("reasons", "x1", "y1", "x2", "y2", "duration")  # come between
MAX_ROWS = 20  # in a table: of the faces longest in view, and the most frequent changes
NO_CAMERA = "no camera named"


def events_csv(events: Iterable[EmotionEvent], labels: Sequence[str]) -> str:
    """Return events as CSV (RFC 4180) with a header row, and a probability for each class."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow((*FIRST_COLUMNS, *labels, *LAST_COLUMNS))
    for event in events:
        probabilities = event.probabilities or {}
        position = "" if event.position is None else f"{event.position:.3f}"
        first = position, event.type.value, event.track_id, event.emotion, event.confidence
        shares = (probabilities.get(label, "") for label in labels)
        box = (round(edge, 1) for edge in event.box.edges)
        last = " ".join(event.reasons), *box, round(event.duration, 3)
        writer.writerow((*first, *shares, *last))
    return text.getvalue()


def html_report(name: str, events: Sequence[EmotionEvent]) -> str:
    """Return an HTML page about events, in any order, by camera, without any image of people."""
    events = spans.deduplicate(events)
    video, intervals = spans.is_video(events), spans.intervals_of(events)
    cameras = sorted({event.camera_name for event in events})
    parts = [_figures(intervals, events)]
    if len(cameras) > 1:
        parts.append(_section("Cameras", _cameras_table(cameras, intervals)))
    for camera in cameras:
        parts += [f"<h1>{escape_text(camera or NO_CAMERA)}</h1>"] if len(cameras) > 1 else []
        parts += _camera_sections(
            [one for one in intervals if one.camera_name == camera],
            [event for event in events if event.camera_name == camera],
            video,
        )
    texts = {
        "name": name,
        "period": _period([spans.event_time(event, video) for event in events], video),
        "models": ", ".join(sorted({event.model for event in events})),
        "detectors": ", ".join(sorted({event.detector for event in events})),
    }
    return Template(Path(__file__).with_name("report.html").read_text("utf-8")).substitute(
        {key: escape_text(text) for key, text in texts.items()}, parts="\n".join(parts)
    )


def _figures(intervals: Sequence[ExpressionInterval], events: Sequence[EmotionEvent]) -> str:
    figures = {
        "faces": len(spans.visits(intervals)),
        "with a face in view": format_duration(spans.time_in_view(intervals)),
        "expressions": len(intervals),
        "events": len(events),
    }
    pairs = (f"<div><dt>{key}</dt><dd>{value}</dd></div>" for key, value in figures.items())
    return f"<dl>{''.join(pairs)}</dl>"


def _section(title: str, content: str) -> str:
    return f"<section><h2>{title}</h2>{content}</section>"


def _camera_sections(
    intervals: Sequence[ExpressionInterval], events: Sequence[EmotionEvent], video: bool
) -> list[str]:
    """Return timeline and tables of one camera."""
    shown = [event for event in events if event.type is not EventType.END]
    reasons = Counter((reason.replace("_", " "),) for event in shown for reason in event.reasons)
    changes = spans.transitions(intervals).items()
    unchanged, readable = "No face changed its expression.", "Every face could be read."
    return [
        _section("Expression of each face, by its number", draw_timeline(intervals, video)[0]),
        '<div class="columns">',
        _section("Time by expression", _shares_table(spans.time_by_emotion(intervals))),
        _section("How long each lasts", _durations_table(intervals)),
        "</div>",
        _section("Faces", _faces_table(intervals, video)),
        '<div class="columns">',
        _section("What became of what", _counts_table(("from", "to"), changes, unchanged)),
        _section("Why a face could not be read", _counts_table(("",), reasons.items(), readable)),
        "</div>",
    ]


def _period(times: Sequence[float], video: bool) -> str:
    first, last = min(times), max(times)
    start, end = format_time(first, video), format_time(last, video)
    if video:
        return f"{start} to {end}"
    day, last_day = datetime.fromtimestamp(first), datetime.fromtimestamp(last)
    until = "" if day.date() == last_day.date() else f"{last_day.date()} "
    return f"{day.date()} {start} to {until}{end} ({day.astimezone():%Z})"


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table whose cells are HTML already."""
    head = "".join(f'<th scope="col">{cell}</th>' for cell in header)
    lines = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>'
        for first, *rest in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"


def _cameras_table(cameras: Sequence[str], intervals: Sequence[ExpressionInterval]) -> str:
    rows = []
    for camera in cameras:
        own = [one for one in intervals if one.camera_name == camera]
        count, bar = str(len(spans.visits(own))), _share_bar(spans.time_by_emotion(own))
        name = escape_text(camera or NO_CAMERA)
        rows.append((name, count, format_duration(spans.time_in_view(own)), bar))
    return _table(("", "faces", "in view", ""), rows)


def _shares_table(seconds: Mapping[str, float]) -> str:
    rows, total = [], sum(seconds.values()) or 1.0
    for emotion, time in seconds.items():
        bar, share = _share_bar({emotion: time}, total), f"{time / total:.0%}"
        rows.append((escape_text(emotion), bar, share, format_duration(time)))
    return _table(("", "", "share", "time"), rows)


def _durations_table(intervals: Sequence[ExpressionInterval]) -> str:
    rows = []
    for emotion, seconds in spans.durations(intervals).items():
        middle, longest = format_duration(median(seconds)), format_duration(max(seconds))
        rows.append((escape_text(emotion), str(len(seconds)), middle, longest))
    return _table(("", "times", "median", "longest"), rows)


def _faces_table(intervals: Sequence[ExpressionInterval], video: bool) -> str:
    """Return a row for each visit, the longest first."""
    ranked = sorted(spans.visits(intervals), key=lambda visit: visit[0].start - visit[-1].end)
    rows = []
    for visit in ranked[:MAX_ROWS]:
        seconds = spans.time_by_emotion(visit)
        total, most = sum(seconds.values()), next(iter(seconds))
        came, in_view = format_time(visit[0].start, video), format_duration(total)
        mostly = f"{escape_text(most)} {seconds[most] / total:.0%}"
        rows.append((f"#{visit[0].track_id}", came, in_view, _share_bar(seconds), mostly))
    left_out = len(ranked) - len(rows)
    more = f"<p>{left_out} more, each in view for a shorter time.</p>" if left_out else ""
    return _table(("face", "came", "in view", "", "mostly"), rows) + more


def _counts_table(
    header: Sequence[str], counts: Iterable[tuple[tuple[str, ...], int]], nothing: str
) -> str:
    """Return a row for each count, the most frequent first, or a sentence where there is none."""
    ranked = sorted(counts, key=lambda item: (-item[1], item[0]))
    if not ranked:
        return f"<p>{nothing}</p>"
    rows = [(*map(escape_text, names), str(count)) for names, count in ranked[:MAX_ROWS]]
    left_out = len(ranked) - len(rows)
    more = f"<p>{left_out} more, each as rare as the last or rarer.</p>" if left_out else ""
    return _table((*header, "times"), rows) + more


def _share_bar(seconds: Mapping[str, float], whole: float | None = None) -> str:
    """Return parts of one bar, as long as their shares of the whole."""
    parts, x, whole = "", 0.0, whole or sum(seconds.values()) or 1.0
    for emotion, time in seconds.items():
        width = 100 * time / whole
        parts += (
            f'<rect x="{x:.1f}%" width="{width:.1f}%" height="12" fill="{color_for(emotion)}" '
            f'class="s"><title>{escape_text(emotion)} {width:.0f}%</title></rect>'
        )
        x += width
    return f'<svg class="b" height="12" aria-hidden="true">{parts}</svg>'
