"""Summaries: who was seen for how long in each minute and hour, as a report of it would say."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from edge.publish.events import utc
from edge.publish.intervals import ExpressionInterval, IntervalBuilder, time_by_emotion
from edge.types import EmotionEvent, Summary

MAX_INTERVALS = 50_000  # the latest are kept; ten faces that change each second make 36,000 an hour


class SummarySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Summaries of what was seen, on the topic `summary/<every_s>`.

    Attributes:
        every_s: lengths of their periods in seconds, which begin at multiples of it since 1970;
            60 is for Home Assistant's sensors as well. None: []
    """

    every_s: Annotated[
        tuple[Annotated[int, msgspec.Meta(ge=10, le=86_400)], ...], msgspec.Meta(max_length=10)
    ] = (60, 3600)


class Summarizer:
    """Makes summaries of the events that are added, each once its period is over."""

    def __init__(self) -> None:
        self._builder = IntervalBuilder(by_zone=True)
        self._starts: dict[int, float] = {}  # of the present period, by its length

    def add(self, event: EmotionEvent) -> None:
        """Add the next event."""
        self._builder.add(event)
        del self._builder.closed[:-MAX_INTERVALS]

    def due(
        self, every_s: Sequence[int], zones: Collection[str], delay: float, now: float
    ) -> Iterator[Summary]:
        """Yield the summaries of those lengths that are due at `now`, POSIX time."""
        # Each is late by `delay` seconds, until a face that has gone is known to have.
        self._starts = {every: self._starts.get(every, now) for every in every_s}
        for every, start in self._starts.items():
            end = (start // every + 1) * every
            if not start <= now < end + delay + every:  # the clock was set
                self._starts[every] = now
            elif now >= end + delay:
                self._starts[every] = end
                begin, finish = (utc(datetime.fromtimestamp(time, UTC)) for time in (start, end))
                seen = [
                    replace(one, start=max(one.start, start), end=min(one.end, end))
                    for one in self._builder.closed + self._builder.open(now)
                    if one.start < end and one.end > start
                ]
                data = {"every_s": every, "start": begin, "end": finish, **_totals(seen)}
                if zones:
                    in_zone = {name: [one for one in seen if name in one.zones] for name in zones}
                    data["zones"] = {name: _totals(found) for name, found in in_zone.items()}
                yield Summary(every, data)
        oldest = min(self._starts.values(), default=now)
        self._builder.closed = [one for one in self._builder.closed if one.end > oldest]


def _totals(intervals: Sequence[ExpressionInterval]) -> dict[str, Any]:
    """Return faces, their seconds together, the share of each expression, and the longest."""
    seconds = time_by_emotion(intervals)
    total = sum(seconds.values())
    return {
        "faces": len({one.track for one in intervals}),
        "people_seconds": round(total, 3),
        "emotion": next(iter(seconds), None),
        "emotions": {emotion: round(time / total, 4) for emotion, time in seconds.items()},
    }
