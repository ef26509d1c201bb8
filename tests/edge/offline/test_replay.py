"""Replay of recorded events, and the log they are read from."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.errors import EmotiondError, InputError
from edge.offline.replay import gaps, read_events, replay_events
from edge.publish import Sink
from edge.publish.events import encode_event
from edge.publish.jsonl import JsonlSettings, JsonlSink
from edge.types import CameraState, DaemonStatus, EmotionEvent, EventType, SinkRecord
from tests.edge.offline.recordings import at, record
from tests.events import event, uncertain

END = EventType.END


class Clock:
    """Time that passes when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Keeper(Sink):
    """A sink that keeps what it is given, and when."""

    def __init__(self, clock: Clock, fails: bool = False) -> None:
        self.told: list[tuple[float, SinkRecord | str]] = []
        self._clock = clock
        self._fails = fails

    def start(self) -> None:
        if self._fails:
            raise EmotiondError("in use")
        self._keep("started")

    def publish(self, record: SinkRecord) -> None:
        self._keep(record)

    def close(self, timeout: float) -> None:
        self._keep("closed")

    def _keep(self, what: SinkRecord | str) -> None:
        self.told.append((self._clock(), what))

    @property
    def events(self) -> list[EmotionEvent]:
        return [what for _, what in self.told if isinstance(what, EmotionEvent)]


def play(directory: Path, events: list[EmotionEvent], speed: float = 1.0) -> Keeper:
    clock = Clock()
    keeper = Keeper(clock)
    recording = read_events(record(directory / "events.jsonl", events))
    list(replay_events(recording, [keeper], speed, clock, clock.sleep))
    return keeper


def test_events_come_at_the_recorded_spacing_divided_by_the_speed(tmp_path: Path) -> None:
    events = [at(0), at(1, EventType.CHANGE), at(7201, END)]
    times = [time for time, what in play(tmp_path, events, 10).told if what != "closed"]
    assert times[-3:] == pytest.approx([100, 100.1, 820.1])


def test_a_clock_that_went_back_makes_nobody_wait(tmp_path: Path) -> None:
    keeper = play(tmp_path, [at(500), at(0, track_id=2), at(1, END), at(2, END, track_id=2)])
    assert keeper.told[-1][0] == pytest.approx(102)


def test_each_event_is_told_as_new_and_of_this_moment_and_else_as_recorded(tmp_path: Path) -> None:
    before = datetime.now(UTC)
    recorded = [at(0), at(1, EventType.CHANGE), at(2, END)]
    events = play(tmp_path, recorded).events
    assert len({one.id for one in [*events, *recorded]}) == 6
    assert all(one.time >= before for one in events)
    assert [one.type for one in events] == [one.type for one in recorded]
    assert events[0].probabilities == recorded[0].probabilities
    assert events[0].duration == recorded[0].duration


def test_each_run_of_the_recording_is_a_new_one_and_its_faces_are_its_own(tmp_path: Path) -> None:
    recorded = [at(0), at(1, END), replace(at(2), run="ffffffff"), at(3, EventType.CHANGE)]
    events = play(tmp_path, recorded).events
    runs = [one.run for one in events]
    assert runs[:4] == [runs[0], runs[0], runs[2], runs[0]]
    assert runs[0] != runs[2]
    assert not set(runs) & {one.run for one in recorded}
    assert [(one.type, one.run) for one in events[4:]] == [(END, runs[2]), (END, runs[0])]


def test_sinks_learn_of_model_and_classes_before_they_start(tmp_path: Path) -> None:
    told = [what for _, what in play(tmp_path, [at(0), at(1, END)]).told]
    labels = ("happy", "neutral")
    assert told[0] == DaemonStatus(CameraState.ONLINE, None, "shallow-int8", "haar", labels)
    assert told[1] == "started"
    assert told[-1] == "closed"


def test_a_face_that_the_recording_leaves_in_view_goes_at_the_end(tmp_path: Path) -> None:
    events = play(tmp_path, [at(0), at(1, track_id=2), at(2, END)]).events
    assert [(one.type, one.track_id) for one in events[2:]] == [(END, 1), (END, 2)]
    assert len({one.id for one in events}) == 4


def interrupt(seconds: float) -> None:
    raise KeyboardInterrupt


def test_who_interrupts_leaves_nobody_in_view(tmp_path: Path) -> None:
    clock = Clock()
    keeper = Keeper(clock)
    recording = read_events(record(tmp_path / "events.jsonl", [at(0), at(9), at(10, END)]))
    with pytest.raises(KeyboardInterrupt):
        list(replay_events(recording, [keeper], 1.0, clock, interrupt))
    assert [one.type for one in keeper.events] == [EventType.START, END]
    assert keeper.told[-1][1] == "closed"


def test_where_one_sink_cannot_start_the_others_are_closed_and_nothing_is_played(
    tmp_path: Path,
) -> None:
    clock = Clock()
    keeper = Keeper(clock)
    recording = read_events(record(tmp_path / "events.jsonl", [at(0)]))
    with pytest.raises(EmotiondError, match="in use"):
        next(replay_events(recording, [keeper, Keeper(clock, fails=True)]))
    assert [what for _, what in keeper.told[1:]] == ["started", "closed"]


def test_what_the_jsonl_sink_wrote_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    sink = JsonlSink(JsonlSettings(path))
    written = [event(), uncertain(track_id=2), event(EventType.END)]
    for one in written:
        sink.publish(one)
    recording = read_events(path)
    assert [one.id for one in recording] == [one.id for one in written]


def test_it_lasts_from_the_first_event_to_the_last_and_no_time_passes_backwards(
    tmp_path: Path,
) -> None:
    path = record(tmp_path / "events.jsonl", [at(0), at(10), at(4), at(5)])
    assert sum(gaps(read_events(path))) == 11


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "truncated"),
        (b"\x00\xff\n", "malformed"),
        (b'{"track_id": 1}\n', "missing required field"),
        (encode_event(event()).replace(b'"happy",', b'"bored",'), "Expected `confidence` and"),
        (encode_event(event()).replace(b'"id"', b'"a\\nb":1,"id"'), "unknown field"),
        (b"[" * 100_000, ""),
    ],
)
def test_a_line_that_is_no_event_is_told_with_its_number_in_one_line(
    tmp_path: Path, line: bytes, reason: str
) -> None:
    path = record(tmp_path / "events.jsonl", [event(), event()])
    path.write_bytes(path.read_bytes() + b"\n" + line)
    with pytest.raises(InputError) as caught:
        read_events(path)
    text = str(caught.value)
    assert text.startswith(f"{path}, line 4: expected an event")
    assert reason in text
    assert "\n" not in text
    assert len(text) < 500


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_a_file_without_an_event_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError, match="expected an event on each line, found no line"):
        read_events(path)


@pytest.mark.parametrize(("name", "reason"), [("gone", "No such file"), (".", "Is a directory")])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(InputError, match=f"cannot be read: {reason}"):
        read_events(tmp_path / name)
