import csv
import io
from typing import Any

from edge.offline.events_csv import events_csv
from edge.types import UNCERTAIN, EmotionEvent, EventType
from tests.edge.offline.days import LABELS, event


def rows(events: list[EmotionEvent], labels: list[str]) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(events_csv(events, labels))))


def test_an_event_is_a_row_with_a_column_for_each_class() -> None:
    change = event(EventType.CHANGE, 3, "happy", 0.0, duration=1.25, position=2.5)
    (row,) = rows([change], list(LABELS))
    assert (row["position"], row["type"], row["track_id"]) == ("2.500", "change", "3")
    assert (row["emotion"], row["confidence"], row["happy"]) == ("happy", "0.7", "0.7")
    assert row["sad"] == "0.05"
    assert [row[edge] for edge in ("x1", "y1", "x2", "y2")] == ["0.0", "0.0", "100.0", "100.0"]
    assert row["duration"] == "1.25"


def test_a_face_that_cannot_be_read_has_empty_cells_and_a_reason() -> None:
    (row,) = rows([event(EventType.START, 1, UNCERTAIN, 0.0)], list(LABELS))
    assert (row["confidence"], row["happy"], row["position"]) == ("", "", "")
    assert row["reasons"] == "side_face"


def test_labels_with_commas_and_quotes_come_back_as_they_are() -> None:
    label = 'so, "so"'
    (row,) = rows([event(EventType.START, 1, label, 0.0)], [label])
    assert (row["emotion"], row[label]) == (label, "0.7")


def test_without_events_there_is_a_head() -> None:
    assert events_csv([], ["happy"]).splitlines() == [
        "position,type,track_id,emotion,confidence,happy,reasons,x1,y1,x2,y2,duration"
    ]
