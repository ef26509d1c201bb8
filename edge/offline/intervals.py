"""From events to how long each face showed what."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from edge.types import EmotionEvent, EventType


@dataclass(frozen=True, slots=True)
class ExpressionInterval:
    """One face, as long as it showed one expression.

    Attributes:
        track_id: of the face; the same number may be another face in a later run of the daemon.
        start, end: seconds; of a film from its beginning, else POSIX time.
    """

    track_id: int
    emotion: str
    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return self.end - self.start


@dataclass(slots=True)
class _Open:
    """A track that has not ended: since when it is there, and what it shows since when."""

    since: float
    emotion: str
    start: float


def is_film(events: Iterable[EmotionEvent]) -> bool:
    """Tell whether events are of films, whose moments are places in them."""
    return all(event.position is not None for event in events)


def moment(event: EmotionEvent, film: bool) -> float:
    """Return when an event was, in seconds as a span tells them."""
    return event.position or 0.0 if film else event.time.timestamp()


def once(events: Iterable[EmotionEvent]) -> list[EmotionEvent]:
    """Return events without repeats: after a crash some are written down twice."""
    return list({event.id: event for event in events}.values())


def intervals_of(events: Iterable[EmotionEvent]) -> list[ExpressionInterval]:
    """Return the spans in the order in which they begin; those of one face never overlap.

    A change or an end whose start is not among the events tells nothing of what was before. Where
    an end is missing, because the daemon was killed or still runs, the last span ends with the last
    event before that number is given anew, or with the last of all. A face ends where it was last
    seen, not where that was decided. An event that comes twice, as after a crash, counts once.

    Args:
        events: in any order.
    """
    events = once(events)
    film = is_film(events)
    timeline = _Timeline(film)
    for event in sorted(events, key=lambda event: _order(event, film)):
        timeline.take(event)
    return timeline.finish()


def _order(event: EmotionEvent, film: bool) -> tuple[float, int, int]:
    """Sort what is of one moment as a face lives.

    In a film an end is where the face was last seen, which may be where it came or changed.
    """
    kinds = {EventType.START: 0, EventType.CHANGE: 1, EventType.END: 2}
    return moment(event, film), kinds[event.type], event.track_id


class _Timeline:
    """Takes events in order and cuts the life of each face into spans."""

    def __init__(self, film: bool) -> None:
        self._film = film
        self._open: dict[int, _Open] = {}
        self._spans: list[ExpressionInterval] = []
        self._last = 0.0

    def take(self, event: EmotionEvent) -> None:
        now, track = moment(event, self._film), self._open.get(event.track_id)
        match event.type:
            case EventType.START:
                if track is not None:
                    self._close(event.track_id, self._last)
                self._open[event.track_id] = _Open(now, event.emotion, now)
            case EventType.CHANGE:
                since = now if track is None else track.since
                if track is not None:
                    self._close(event.track_id, now)
                self._open[event.track_id] = _Open(since, event.emotion, now)
            case EventType.END if track is not None:
                self._close(event.track_id, min(now, track.since + event.duration))
        self._last = now

    def finish(self) -> list[ExpressionInterval]:
        for track_id in list(self._open):
            self._close(track_id, self._last)
        return sorted(self._spans, key=lambda span: (span.start, span.track_id, span.end))

    def _close(self, track_id: int, end: float) -> None:
        track = self._open.pop(track_id)
        if end > track.start:
            self._spans.append(ExpressionInterval(track_id, track.emotion, track.start, end))


def join(spans: Sequence[ExpressionInterval]) -> list[list[ExpressionInterval]]:
    """Return the spans of each face in view together: those of one track without a gap."""
    visits: list[list[ExpressionInterval]] = []
    latest: dict[int, list[ExpressionInterval]] = {}
    for span in spans:
        visit = latest.get(span.track_id)
        if visit is not None and visit[-1].end == span.start:
            visit.append(span)
        else:
            latest[span.track_id] = [span]
            visits.append(latest[span.track_id])
    return visits


def clip(span: ExpressionInterval, start: float, end: float) -> ExpressionInterval | None:
    """Return the part of a span between two moments; None where there is none."""
    part = replace(span, start=max(span.start, start), end=min(span.end, end))
    return part if part.end > part.start else None
