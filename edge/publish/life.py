"""The life of a face in three kinds of event: it came, it changed, it went."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from edge.records import EmotionEvent, EventType, Expression, Frame


@dataclass(slots=True)
class _Told:
    """What subscribers know of one track."""

    expression: Expression
    since: float


class EventLife:
    """Turns expressions, frame by frame, into events.

    Every track that gets a start event gets an end event, whatever happens between.

    Args:
        model, detector: names that each event carries.
    """

    def __init__(self, model: str, detector: str) -> None:
        self._model = model
        self._detector = detector
        self._told: dict[int, _Told] = {}
        self._last_frame: Frame | None = None

    def update(self, frame: Frame, expressions: Sequence[Expression]) -> list[EmotionEvent]:
        """Return what is new in `frame`, ends first."""
        self._last_frame = frame
        present = {expression.track.track_id for expression in expressions}
        events = [self._end(key, frame) for key in list(self._told) if key not in present]
        for expression in expressions:
            event = self._follow(expression, frame)
            if event is not None:
                events.append(event)
        return events

    def finish(self) -> list[EmotionEvent]:
        """Return the end of every track still alive."""
        if self._last_frame is None:
            return []
        return [self._end(key, self._last_frame) for key in list(self._told)]

    def _follow(self, expression: Expression, frame: Frame) -> EmotionEvent | None:
        told = self._told.get(expression.track.track_id)
        if told is None:
            told = _Told(expression, since=frame.timestamp)
            self._told[expression.track.track_id] = told
            return self._event(EventType.START, told, frame)
        changed = told.expression.emotion != expression.emotion
        told.expression = expression
        return self._event(EventType.CHANGE, told, frame) if changed else None

    def _end(self, track_id: int, frame: Frame) -> EmotionEvent:
        return self._event(EventType.END, self._told.pop(track_id), frame)

    def _event(self, kind: EventType, told: _Told, frame: Frame) -> EmotionEvent:
        expression = told.expression
        return EmotionEvent(
            id=str(uuid.uuid4()),
            time=datetime.now(UTC),
            type=kind,
            track_id=expression.track.track_id,
            emotion=expression.emotion,
            confidence=expression.probabilities[expression.emotion],
            probabilities=expression.probabilities,
            box=expression.track.box,
            frame_size=frame.size,
            duration=frame.timestamp - told.since,
            model=self._model,
            detector=self._detector,
            captured=frame.captured,
        )
