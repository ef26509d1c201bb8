"""The life of a face in three kinds of event: it came, it changed, it went."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from edge.types import EmotionEvent, EventType, Expression, Frame


@dataclass(slots=True)
class _Told:
    """What subscribers know of one track, and the frame it was last seen in."""

    expression: Expression
    since: float
    seen: Frame


class EventGenerator:
    """Turns expressions, frame by frame, into events.

    Every track that gets a start event gets an end event, whatever happens between.

    Args:
        model, detector: names that each event carries.
        labels: the classes of the model.
        film: whether the frames are a film's, so that each event has a position in it.
    """

    def __init__(
        self, model: str, detector: str, labels: tuple[str, ...] = (), film: bool = False
    ) -> None:
        self.model = model
        self.detector = detector
        self.labels = labels
        self._film = film
        self._told: dict[int, _Told] = {}

    def update(self, frame: Frame, expressions: Sequence[Expression]) -> list[EmotionEvent]:
        """Return what is new in `frame`, ends first."""
        present = {expression.track.track_id for expression in expressions}
        gone = [track_id for track_id in self._told if track_id not in present]
        events = [self._end(track_id, frame.captured) for track_id in gone]
        for expression in expressions:
            event = self._follow(expression, frame)
            if event is not None:
                events.append(event)
        return events

    def finish(self, now: float) -> list[EmotionEvent]:
        """Return the end of every track still alive, decided `now` on the monotonic clock."""
        return [self._end(track_id, now) for track_id in list(self._told)]

    def _follow(self, expression: Expression, frame: Frame) -> EmotionEvent | None:
        told = self._told.get(expression.track.track_id)
        if told is None:
            told = _Told(expression, frame.timestamp, frame)
            self._told[expression.track.track_id] = told
            return self._event(EventType.START, told, frame)
        changed = told.expression.emotion != expression.emotion
        if expression.track.seen:
            told.seen = frame
        else:  # where it would be by now is not where anybody saw it
            expression = replace(expression, track=told.expression.track)
        told.expression = expression
        return self._event(EventType.CHANGE, told, frame) if changed else None

    def _end(self, track_id: int, captured: float) -> EmotionEvent:
        told = self._told.pop(track_id)
        return self._event(EventType.END, told, replace(told.seen, captured=captured))

    def _event(self, kind: EventType, told: _Told, frame: Frame) -> EmotionEvent:
        """Return an event of what is seen in `frame`; the end is where it was last seen."""
        expression = told.expression
        return EmotionEvent(
            id=str(uuid.uuid4()),
            time=datetime.now(UTC),
            type=kind,
            track_id=expression.track.track_id,
            emotion=expression.emotion,
            confidence=expression.confidence,
            probabilities=expression.probabilities,
            quality=expression.quality,
            reasons=expression.reasons,
            box=expression.track.box,
            frame_size=told.seen.size,
            duration=told.seen.timestamp - told.since,
            model=self.model,
            detector=self.detector,
            captured=frame.captured,
            position=frame.timestamp if self._film else None,
        )
