"""How long which expression was shown, and by whom."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from edge.offline.intervals import ExpressionInterval, join


@dataclass(frozen=True, slots=True)
class Durations:
    """How long one expression lasts, each time.

    Attributes:
        times: how often it was shown.
        median, longest, total: in seconds.
    """

    times: int
    median: float
    longest: float
    total: float


def shares(spans: Iterable[ExpressionInterval]) -> dict[str, float]:
    """Return the seconds of each expression, of all faces together, the longest first."""
    seconds: Counter[str] = Counter()
    for span in spans:
        seconds[span.emotion] += span.seconds  # type: ignore[assignment]
    return dict(sorted(seconds.items(), key=lambda item: (-item[1], item[0])))


def shares_by_track(spans: Iterable[ExpressionInterval]) -> dict[int, dict[str, float]]:
    """Return the same of each track, by its number."""
    tracks: defaultdict[int, list[ExpressionInterval]] = defaultdict(list)
    for span in spans:
        tracks[span.track_id].append(span)
    return {track_id: shares(tracks[track_id]) for track_id in sorted(tracks)}


def durations(spans: Iterable[ExpressionInterval]) -> dict[str, Durations]:
    """Return how long each expression lasts, the most shown first."""
    lasted: defaultdict[str, list[float]] = defaultdict(list)
    for span in spans:
        lasted[span.emotion].append(span.seconds)
    told = {
        emotion: Durations(len(all_), median(all_), max(all_), sum(all_))
        for emotion, all_ in lasted.items()
    }
    return dict(sorted(told.items(), key=lambda item: (-item[1].total, item[0])))


def transitions(spans: Sequence[ExpressionInterval]) -> dict[tuple[str, str], int]:
    """Return how often each expression became each other, on the same face."""
    counted: Counter[tuple[str, str]] = Counter()
    for visit in join(spans):
        for before, after in pairwise(visit):
            counted[before.emotion, after.emotion] += 1
    return dict(counted)


def watched(spans: Iterable[ExpressionInterval]) -> float:
    """Return the seconds in which any face was in view."""
    total, reached = 0.0, float("-inf")
    for span in sorted(spans, key=lambda span: span.start):
        total += max(0.0, span.end - max(span.start, reached))
        reached = max(reached, span.end)
    return total
