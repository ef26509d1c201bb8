"""Events as rows of a table: CSV."""

import csv
import io
from collections.abc import Iterable, Sequence

from edge.types import EmotionEvent

FRONT = ("position", "type", "track_id", "emotion", "confidence")
BACK = ("reasons", "x1", "y1", "x2", "y2", "duration")
"""The columns before and behind those of the classes."""


def events_csv(events: Iterable[EmotionEvent], labels: Sequence[str]) -> str:
    """Return events as CSV (RFC 4180), with a head.

    Args:
        events: in their order.
        labels: the classes of the model; each has a column for its probability.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow((*FRONT, *labels, *BACK))
    writer.writerows(_row(event, labels) for event in events)
    return text.getvalue()


def _row(event: EmotionEvent, labels: Sequence[str]) -> list[object]:
    shares = event.probabilities or {}
    return [
        "" if event.position is None else f"{event.position:.3f}",
        event.type.value,
        event.track_id,
        event.emotion,
        "" if event.confidence is None else event.confidence,
        *(shares.get(label, "") for label in labels),
        " ".join(event.reasons),
        *(round(edge, 1) for edge in event.box.edges),
        round(event.duration, 3),
    ]
