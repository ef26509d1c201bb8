from statistics import median

import pytest

from edge.offline.intervals import ExpressionInterval
from edge.offline.statistics import (
    Durations,
    durations,
    shares,
    shares_by_track,
    transitions,
    watched,
)

SPANS = [
    ExpressionInterval(1, "happy", 0.0, 4.0),
    ExpressionInterval(2, "happy", 1.0, 2.0),
    ExpressionInterval(1, "sad", 4.0, 5.0),
    ExpressionInterval(1, "happy", 5.0, 7.0),
    ExpressionInterval(2, "sad", 20.0, 26.0),
]


def test_shares_are_seconds_of_all_faces_the_longest_first() -> None:
    assert list(shares(SPANS).items()) == [("happy", 7.0), ("sad", 7.0)]
    assert list(shares(SPANS[1:]).items()) == [("sad", 7.0), ("happy", 3.0)]
    assert shares([]) == {}


def test_each_face_has_shares_of_its_own() -> None:
    assert shares_by_track(SPANS) == {
        1: {"happy": 6.0, "sad": 1.0},
        2: {"sad": 6.0, "happy": 1.0},
    }


def test_durations_tell_how_often_and_how_long_each_time() -> None:
    assert durations(SPANS) == {
        "happy": Durations(times=3, median=median([4.0, 1.0, 2.0]), longest=4.0, total=7.0),
        "sad": Durations(times=2, median=3.5, longest=6.0, total=7.0),
    }


def test_expressions_shown_as_long_come_by_their_names() -> None:
    spans = [
        ExpressionInterval(1, "sad", 0.0, 2.0),
        ExpressionInterval(2, "happy", 0.0, 2.0),
        ExpressionInterval(3, "angry", 0.0, 1.0),
    ]
    assert list(durations(spans)) == list(shares(spans)) == ["happy", "sad", "angry"]


def test_faces_come_by_their_numbers() -> None:
    assert list(
        shares_by_track(
            [ExpressionInterval(9, "sad", 0.0, 2.0), ExpressionInterval(2, "sad", 1.0, 2.0)]
        )
    ) == [2, 9]


def test_without_spans_there_is_nothing_to_sum() -> None:
    assert shares_by_track([]) == {}
    assert durations([]) == {}
    assert transitions([]) == {}


def test_a_change_is_counted_each_time_and_on_every_face() -> None:
    spans = [
        ExpressionInterval(1, "happy", 0.0, 1.0),
        ExpressionInterval(2, "happy", 0.0, 3.0),
        ExpressionInterval(1, "sad", 1.0, 2.0),
        ExpressionInterval(1, "happy", 2.0, 3.0),
        ExpressionInterval(1, "sad", 3.0, 4.0),
        ExpressionInterval(2, "sad", 3.0, 5.0),
    ]
    assert transitions(spans) == {("happy", "sad"): 3, ("sad", "happy"): 1}


def test_transitions_are_those_of_one_face_in_one_visit() -> None:
    assert transitions(SPANS) == {("happy", "sad"): 1, ("sad", "happy"): 1}


@pytest.mark.parametrize(
    ("spans", "seconds"),
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
    spans: list[ExpressionInterval], seconds: float
) -> None:
    assert watched(spans) == seconds
