"""Intervals from events, however many are missing or out of order, and their statistics."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.publish.events import EventGenerator
from edge.publish.intervals import (
    ExpressionInterval,
    IntervalBuilder,
    durations,
    intervals_of,
    is_video,
    time_by_emotion,
    time_by_track,
    time_in_view,
    transitions,
    visits,
)
from edge.types import EmotionEvent, EventType
from tests.edge.offline.days import MORNING, day, event
from tests.events import RUN, expression, frame

START, CHANGE, END = EventType.START, EventType.CHANGE, EventType.END
BEGIN = MORNING.timestamp()

EVENTS = st.lists(
    st.builds(
        event,
        st.sampled_from(EventType),
        st.integers(1, 3),
        st.sampled_from(["happy", "sad", "uncertain"]),
        st.integers(0, 60).map(float),
        st.integers(0, 60).map(float),
    ),
    max_size=20,
)


def told(*events: EmotionEvent) -> list[tuple[int, str, float, float]]:
    """Return the intervals, counted from the morning."""
    return [
        (interval.track_id, interval.emotion, interval.start - BEGIN, interval.end - BEGIN)
        for interval in intervals_of(events)
    ]


def test_a_face_that_comes_changes_and_goes_is_two_spans() -> None:
    assert told(
        event(START, 1, "happy", 10.0),
        event(CHANGE, 1, "sad", 14.0),
        event(END, 1, "sad", 20.0, duration=10.0),
    ) == [(1, "happy", 10.0, 14.0), (1, "sad", 14.0, 20.0)]


def test_another_zone_begins_an_interval_only_where_they_are_told_by_zone() -> None:
    events = [
        replace(event(START, 1, "happy", 10.0), zones=("door",)),
        replace(event(EventType.ZONE, 1, "happy", 14.0), zones=()),
        event(END, 1, "happy", 20.0, duration=10.0),
    ]
    assert told(*events) == [(1, "happy", 10.0, 20.0)]
    builder = IntervalBuilder(by_zone=True)
    for one in events:
        builder.add(one)
    lasted = [(one.zones, one.seconds) for one in builder.closed]
    assert lasted == [(("door",), 4.0), ((), 6.0)]


def test_it_ends_where_it_was_last_seen_and_not_where_that_was_decided() -> None:
    assert told(event(START, 1, "happy", 10.0), event(END, 1, "happy", 20.0, duration=8.5)) == [
        (1, "happy", 10.0, 18.5)
    ]


def test_two_faces_have_spans_of_their_own() -> None:
    intervals = told(
        event(START, 1, "happy", 0.0),
        event(START, 2, "sad", 1.0),
        event(END, 1, "happy", 5.0, duration=5.0),
        event(END, 2, "sad", 9.0, duration=8.0),
    )
    assert intervals == [(1, "happy", 0.0, 5.0), (2, "sad", 1.0, 9.0)]


def test_a_face_that_is_still_there_lasts_until_the_last_of_all_events() -> None:
    assert told(event(START, 1, "happy", 0.0), event(START, 2, "sad", 7.0)) == [
        (1, "happy", 0.0, 7.0)
    ]


def test_a_number_that_is_given_anew_ends_the_face_before_it() -> None:
    intervals = told(
        event(START, 1, "happy", 0.0),
        event(CHANGE, 1, "sad", 4.0),
        event(START, 1, "happy", 100.0),  # of the next run of the daemon
        event(END, 1, "happy", 103.0, duration=3.0),
    )
    assert intervals == [(1, "happy", 0.0, 4.0), (1, "happy", 100.0, 103.0)]


def test_faces_of_two_runs_are_two_under_one_number() -> None:
    intervals = told(
        event(START, 1, "happy", 0.0),
        event(CHANGE, 1, "sad", 4.0),
        event(START, 1, "happy", 5.0, run="ffffffff"),
        event(CHANGE, 1, "sad", 6.0),
        event(END, 1, "happy", 8.0, duration=3.0, run="ffffffff"),
    )
    assert intervals == [(1, "happy", 0.0, 4.0), (1, "sad", 4.0, 6.0), (1, "happy", 5.0, 8.0)]


def test_a_face_that_the_next_run_ended_lasts_until_the_last_event_of_its_own() -> None:
    ends = [replace(event(END, number, "happy", 90.0), reason="restart") for number in (1, 2)]
    assert told(
        event(START, 1, "happy", 0.0),
        event(START, 2, "happy", 3.0),
        event(CHANGE, 2, "sad", 7.0),
        *ends,
        event(START, 1, "happy", 91.0, run="ffffffff"),
        event(END, 1, "happy", 95.0, duration=4.0, run="ffffffff"),
    ) == [
        (1, "happy", 0.0, 7.0),
        (2, "happy", 3.0, 7.0),
        (1, "happy", 91.0, 95.0),
    ]


def test_what_begins_before_the_recording_counts_from_its_first_change() -> None:
    assert told(event(CHANGE, 1, "sad", 4.0), event(CHANGE, 1, "happy", 6.0)) == [
        (1, "sad", 4.0, 6.0)
    ]
    assert told(event(END, 1, "sad", 4.0, duration=4.0)) == []


def test_an_event_that_comes_twice_counts_once() -> None:
    events = [event(START, 1, "happy", 0.0), event(END, 1, "happy", 5.0, duration=5.0)]
    assert told(*events, *events) == told(*events)


def test_of_films_spans_are_places_in_them() -> None:
    events = [
        event(START, 1, "happy", 900.0, position=2.0),
        event(END, 1, "happy", 900.1, duration=3.0, position=6.0),
    ]
    assert is_video(events)
    assert intervals_of(events) == [ExpressionInterval(1, "happy", 2.0, 5.0, RUN)]


def test_one_event_that_is_live_makes_all_of_them_live() -> None:
    live = event(START, 1, "happy", 3.0)
    assert not is_video([event(START, 1, "happy", 0.0, position=2.0), live])


def film(*frames: Iterable[tuple[str, bool]]) -> list[EmotionEvent]:
    """Return what is told of a film whose face shows an expression in each frame, seen or not."""
    life = EventGenerator("shallow-int8", "builtin", is_video=True, run=RUN)
    events = []
    for second, faces in enumerate(frames):
        present = [
            replace(one, track=replace(one.track, seen=seen))
            for emotion, seen in faces
            for one in [expression(1, emotion, {emotion: 0.8, "other": 0.2})]
        ]
        events += life.update(frame(float(second)), present)
    return events + life.end_all(float(len(frames)))


def test_a_face_of_a_film_that_is_seen_once_does_not_last() -> None:
    events = film([("happy", True)], [("happy", False)], [], [])
    later = event(START, 2, "sad", 0.0, position=90.0)
    assert [one.position for one in events] == [0.0, 0.0]
    assert intervals_of([*events, later]) == []


def test_a_face_of_a_film_that_changes_when_it_is_last_seen_ends_there() -> None:
    events = film([("happy", True)], [("happy", True)], [("sad", True)], [("sad", False)], [])
    later = event(START, 2, "sad", 0.0, position=90.0)
    assert [one.position for one in events] == [0.0, 2.0, 2.0]
    assert intervals_of([*events, later]) == [ExpressionInterval(1, "happy", 0.0, 2.0, RUN)]


def test_an_end_that_tells_of_more_time_than_passed_is_where_it_was_decided() -> None:
    assert told(event(CHANGE, 1, "sad", 4.0), event(END, 1, "sad", 6.0, duration=60.0)) == [
        (1, "sad", 4.0, 6.0)
    ]


def test_a_face_that_comes_back_under_its_number_is_two_visits() -> None:
    intervals = intervals_of(
        [
            event(START, 1, "happy", 0.0),
            event(END, 1, "happy", 4.0, duration=3.0),
            event(START, 1, "happy", 9.0),
            event(END, 1, "happy", 12.0, duration=2.0),
        ]
    )
    assert [len(visit) for visit in visits(intervals)] == [1, 1]


def test_a_film_may_begin_with_a_face_at_its_very_first_place() -> None:
    events = [
        event(START, 1, "happy", 5.0, position=0.0),
        event(END, 1, "happy", 5.1, duration=2.0, position=2.0),
    ]
    assert intervals_of(events) == [ExpressionInterval(1, "happy", 0.0, 2.0, RUN)]


def test_nothing_comes_of_nothing() -> None:
    assert intervals_of([]) == []


@settings(deadline=None)
@given(EVENTS)
def test_the_spans_of_one_face_never_overlap_and_lie_within_what_was_recorded(
    events: list[EmotionEvent],
) -> None:
    intervals = intervals_of(events)
    for track_id in {interval.track_id for interval in intervals}:
        own = [interval for interval in intervals if interval.track_id == track_id]
        assert all(one.end <= other.start for one, other in pairwise(own))
    moments = [one.time.timestamp() for one in events]
    for interval in intervals:
        assert min(moments) <= interval.start < interval.end <= max(moments)


@settings(deadline=None)
@given(EVENTS)
def test_a_face_is_in_view_from_its_first_event_at_most_until_the_last_of_all(
    events: list[EmotionEvent],
) -> None:
    intervals = intervals_of(events)
    last = max((one.time.timestamp() for one in events), default=0.0)
    for track_id in {one.track_id for one in events}:
        first = min(one.time.timestamp() for one in events if one.track_id == track_id)
        seconds = sum(interval.seconds for interval in intervals if interval.track_id == track_id)
        assert seconds <= last - first + 1e-6


@settings(deadline=None)
@given(EVENTS)
def test_a_face_whose_last_event_is_an_end_lasts_no_longer_than_its_own_events(
    events: list[EmotionEvent],
) -> None:
    intervals = intervals_of(events)
    for track_id in {one.track_id for one in events}:
        own = [one for one in events if one.track_id == track_id]
        last = max(one.time for one in own)
        if {one.type for one in own if one.time == last} == {END}:
            ends = [interval.end for interval in intervals if interval.track_id == track_id]
            assert all(end <= last.timestamp() for end in ends)


@settings(deadline=None)
@given(EVENTS, st.randoms(use_true_random=False))
def test_events_that_come_twice_anywhere_count_once(
    events: list[EmotionEvent], random: Random
) -> None:
    once = list({(one.time, one.type, one.track_id): one for one in events}.values())
    twice = [*once, *random.sample(once, len(once) // 2)]
    assert intervals_of(twice) == intervals_of(once)


@settings(deadline=None)
@given(EVENTS, st.randoms(use_true_random=False))
def test_the_order_in_which_events_come_does_not_matter(
    events: list[EmotionEvent], random: Random
) -> None:
    once = {(one.time, one.type, one.track_id): one for one in events}
    shuffled = list(once.values())
    random.shuffle(shuffled)
    assert intervals_of(shuffled) == intervals_of(once.values())


def test_a_whole_day_adds_up_to_what_its_ends_tell() -> None:
    events = list(day(200))
    seconds = sum(one.duration for one in events if one.type is END)
    assert sum(interval.seconds for interval in intervals_of(events)) == pytest.approx(seconds)


def test_spans_without_a_gap_are_one_visit() -> None:
    intervals = [
        ExpressionInterval(1, "happy", 0.0, 2.0),
        ExpressionInterval(2, "sad", 1.0, 9.0),
        ExpressionInterval(1, "sad", 2.0, 3.0),
        ExpressionInterval(1, "happy", 50.0, 51.0),
    ]
    assert [[interval.emotion for interval in visit] for visit in visits(intervals)] == [
        ["happy", "sad"],
        ["sad"],
        ["happy"],
    ]


SPANS = [
    ExpressionInterval(1, "happy", 0.0, 4.0),
    ExpressionInterval(2, "happy", 1.0, 2.0),
    ExpressionInterval(1, "sad", 4.0, 5.0),
    ExpressionInterval(1, "happy", 5.0, 7.0),
    ExpressionInterval(2, "sad", 20.0, 26.0),
]


def test_shares_are_seconds_of_all_faces_the_longest_first() -> None:
    assert list(time_by_emotion(SPANS).items()) == [("happy", 7.0), ("sad", 7.0)]
    assert list(time_by_emotion(SPANS[1:]).items()) == [("sad", 7.0), ("happy", 3.0)]
    assert time_by_emotion([]) == {}


def test_each_face_has_shares_of_its_own() -> None:
    assert time_by_track(SPANS) == {
        1: {"happy": 6.0, "sad": 1.0},
        2: {"sad": 6.0, "happy": 1.0},
    }


def test_durations_are_how_long_each_time() -> None:
    assert durations(SPANS) == {
        "happy": [4.0, 1.0, 2.0],
        "sad": [1.0, 6.0],
    }


def test_expressions_shown_as_long_come_by_their_names() -> None:
    intervals = [
        ExpressionInterval(1, "sad", 0.0, 2.0),
        ExpressionInterval(2, "happy", 0.0, 2.0),
        ExpressionInterval(3, "angry", 0.0, 1.0),
    ]
    assert (
        list(durations(intervals)) == list(time_by_emotion(intervals)) == ["happy", "sad", "angry"]
    )


def test_faces_come_by_their_numbers() -> None:
    assert list(
        time_by_track(
            [ExpressionInterval(9, "sad", 0.0, 2.0), ExpressionInterval(2, "sad", 1.0, 2.0)]
        )
    ) == [2, 9]


def test_without_spans_there_is_nothing_to_sum() -> None:
    assert time_by_track([]) == {}
    assert durations([]) == {}
    assert transitions([]) == {}


def test_a_change_is_counted_each_time_and_on_every_face() -> None:
    intervals = [
        ExpressionInterval(1, "happy", 0.0, 1.0),
        ExpressionInterval(2, "happy", 0.0, 3.0),
        ExpressionInterval(1, "sad", 1.0, 2.0),
        ExpressionInterval(1, "happy", 2.0, 3.0),
        ExpressionInterval(1, "sad", 3.0, 4.0),
        ExpressionInterval(2, "sad", 3.0, 5.0),
    ]
    assert transitions(intervals) == {("happy", "sad"): 3, ("sad", "happy"): 1}


def test_transitions_are_those_of_one_face_in_one_visit() -> None:
    assert transitions(SPANS) == {("happy", "sad"): 1, ("sad", "happy"): 1}


@pytest.mark.parametrize(
    ("intervals", "seconds"),
    [
        ([], 0.0),
        ([ExpressionInterval(1, "happy", 0.0, 4.0), ExpressionInterval(2, "sad", 6.0, 7.0)], 5.0),
        ([ExpressionInterval(1, "happy", 0.0, 4.0), ExpressionInterval(2, "sad", 3.0, 7.0)], 7.0),
        ([ExpressionInterval(1, "happy", 0.0, 4.0), ExpressionInterval(1, "sad", 4.0, 6.0)], 6.0),
        ([ExpressionInterval(1, "happy", 0.0, 9.0), ExpressionInterval(2, "sad", 3.0, 7.0)], 9.0),
        (
            [
                ExpressionInterval(1, "happy", 0.0, 9.0),
                ExpressionInterval(2, "sad", 3.0, 7.0),
                ExpressionInterval(3, "sad", 8.0, 10.0),
            ],
            10.0,
        ),
        ([ExpressionInterval(2, "sad", 6.0, 7.0), ExpressionInterval(1, "happy", 0.0, 4.0)], 5.0),
    ],
    ids=["none", "disjoint", "overlapping", "touching", "nested", "nested and over", "unsorted"],
)
def test_time_in_which_several_are_in_view_counts_once(
    intervals: list[ExpressionInterval], seconds: float
) -> None:
    assert time_in_view(intervals) == seconds
