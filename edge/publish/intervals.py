"""Expression intervals: how long each face showed what, from events, and summaries of that."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Annotated, Any, NamedTuple

import msgspec

from edge.publish.events import utc
from edge.types import EmotionEvent, EventType, Summary

MAX_INTERVALS = 50_000  # of a summary, the latest; ten faces that change each second make 36,000/h


@dataclass(frozen=True, slots=True)
class ExpressionInterval:
    """A period in which one face showed one expression."""

    track_id: int  # another run or camera may give it to another face
    emotion: str
    start: float  # seconds from the start of a video, or POSIX time of what was live
    end: float
    run: str = ""
    zones: tuple[str, ...] = ()  # those that the face was in when it began
    camera_name: str = ""

    @property
    def track(self) -> tuple[str, str, int]:
        """Key of the face among those of all cameras and runs."""
        return self.camera_name, self.run, self.track_id

    @property
    def seconds(self) -> float:
        """Duration of the interval."""
        return self.end - self.start


def is_video(events: Iterable[EmotionEvent]) -> bool:
    """Tell whether all events are of video files: times are then positions in them."""
    return all(event.position is not None for event in events)


def event_time(event: EmotionEvent, video: bool) -> float:
    """Return the time of an event in seconds: its position in the video, or POSIX time."""
    return event.position or 0.0 if video else event.time.timestamp()


def deduplicate(events: Iterable[EmotionEvent]) -> list[EmotionEvent]:
    """Return events without repeats: after a crash some are written twice."""
    return list({event.id: event for event in events}.values())


class _OpenTrack(NamedTuple):
    """A track that has not ended: its last event, since when it is there, and shows that."""

    event: EmotionEvent
    since: float
    start: float

    def until(self, end: float) -> list[ExpressionInterval]:
        """Return its interval up to an end, or none that would be empty."""
        one = self.event
        told = one.run, one.zones or (), one.camera_name
        interval = ExpressionInterval(one.track_id, one.emotion, self.start, end, *told)
        return [interval] if end > self.start else []


class IntervalBuilder:
    """Intervals of events that are added in the order of their times, each once.

    A change or end whose start event is missing tells nothing of the time before it. Where an end
    event is missing, or told by the next run (the daemon was killed), the interval ends at the last
    event of its run; in recordings without runs, before the track number is used again. A face ends
    where it was last seen, not where that was decided. With `by_zone` a change of zones ends one.
    """

    def __init__(self, video: bool = False, by_zone: bool = False) -> None:
        self.closed: list[ExpressionInterval] = []  # which have ended
        self._video, self._by_zone = video, by_zone
        self._tracks: dict[tuple[str, str, int], _OpenTrack] = {}
        # Time of the last event, by camera and run.
        self._last: defaultdict[tuple[str, str], float] = defaultdict(float)

    def add(self, event: EmotionEvent) -> None:
        """Add the next event."""
        now = since = event_time(event, self._video)
        origin = event.camera_name, event.run
        last, track = self._last[origin], self._tracks.get(event.run_track)
        if event.reason is None:
            self._last[origin] = now
        if event.type is EventType.ZONE and not self._by_zone:
            return
        if track is not None:
            end = last if event.type is EventType.START or event.reason else now
            if event.type is EventType.END and not event.reason:
                end = min(now, track.since + event.duration)
            self.closed += track.until(end)
            del self._tracks[event.run_track]
            if event.type is not EventType.START:
                since = track.since
        if event.type is not EventType.END:
            self._tracks[event.run_track] = _OpenTrack(event, since, now)

    def open(self, now: float | None = None) -> list[ExpressionInterval]:
        """Return the intervals of faces still there, up to `now`; None: to the last event."""
        return [
            interval
            for (camera, run, _), track in self._tracks.items()
            for interval in track.until(self._last[camera, run] if now is None else now)
        ]


def intervals_of(events: Iterable[EmotionEvent]) -> list[ExpressionInterval]:
    """Return intervals of events in any order, as `IntervalBuilder` makes them, by their start."""
    events = deduplicate(events)
    video, types = is_video(events), list(EventType)
    builder = IntervalBuilder(video)

    def order(event: EmotionEvent) -> tuple[float, int, int]:
        # At the same time as a track lives: start, change, end. In a video an end has the time when
        # the face was last seen, which may be that of its start.
        return event_time(event, video), types.index(event.type), event.track_id

    for event in sorted(events, key=order):
        builder.add(event)
    intervals = builder.closed + builder.open()
    return sorted(intervals, key=lambda one: (one.start, one.track_id, one.end))


def clipped(
    intervals: Iterable[ExpressionInterval], start: float, end: float
) -> list[ExpressionInterval]:
    """Return the parts of intervals that lie between two times."""
    return [
        one
        if start <= one.start and one.end <= end
        else replace(one, start=max(one.start, start), end=min(one.end, end))
        for one in intervals
        if one.start < end and one.end > start
    ]


def visits(intervals: Iterable[ExpressionInterval]) -> list[list[ExpressionInterval]]:
    """Group intervals into visits: those of one track without a gap between them."""
    found: list[list[ExpressionInterval]] = []
    latest: dict[tuple[str, str, int], list[ExpressionInterval]] = {}
    for interval in intervals:
        visit = latest.get(interval.track)
        if visit is not None and visit[-1].end == interval.start:
            visit.append(interval)
        else:
            latest[interval.track] = [interval]
            found.append(latest[interval.track])
    return found


def durations(intervals: Iterable[ExpressionInterval]) -> dict[str, list[float]]:
    """Return the seconds of each interval by expression, the one with the most time first."""
    seconds: defaultdict[str, list[float]] = defaultdict(list)
    for interval in intervals:
        seconds[interval.emotion].append(interval.seconds)
    return dict(sorted(seconds.items(), key=lambda item: (-sum(item[1]), item[0])))


def time_by_emotion(intervals: Iterable[ExpressionInterval]) -> dict[str, float]:
    """Return the seconds of each expression over all faces, the longest first."""
    return {emotion: sum(seconds) for emotion, seconds in durations(intervals).items()}


def time_by_track(intervals: Iterable[ExpressionInterval]) -> dict[int, dict[str, float]]:
    """Return the seconds of each expression for each track, sorted by track number."""
    tracks: defaultdict[int, list[ExpressionInterval]] = defaultdict(list)
    for interval in intervals:
        tracks[interval.track_id].append(interval)
    return {track_id: time_by_emotion(tracks[track_id]) for track_id in sorted(tracks)}


def transitions(intervals: Iterable[ExpressionInterval]) -> Counter[tuple[str, str]]:
    """Return how often each expression changed to each other within a visit."""
    pairs = (pair for visit in visits(intervals) for pair in pairwise(visit))
    return Counter((before.emotion, after.emotion) for before, after in pairs)


def time_in_view(intervals: Iterable[ExpressionInterval]) -> float:
    """Return the seconds in which at least one face was in view."""
    total, reached = 0.0, float("-inf")
    for interval in sorted(intervals, key=lambda one: one.start):
        total += max(0.0, interval.end - max(interval.start, reached))
        reached = max(reached, interval.end)
    return total


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
                seen = clipped(self._builder.closed + self._builder.open(now), start, end)
                data = {"every_s": every, "start": utc(start), "end": utc(end), **_totals(seen)}
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
