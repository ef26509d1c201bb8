"""Event generator: a face appeared, its emotion changed, it disappeared."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from edge.types import EmotionEvent, EventType, Expression, Frame


@dataclass(slots=True)
class _ReportedState:
    """State of one track as last reported, and the frame in which it was last seen."""

    expression: Expression
    since: float
    last_seen: Frame


class EventGenerator:
    """Turns expressions, frame by frame, into events.

    Every track that gets a start event gets an end event, whatever happens between.

    Args:
        model, detector: names that each event carries.
        labels: the classes of the model.
        is_video: whether the frames are those of a video file, so that each event has a position.
    """

    def __init__(
        self, model: str, detector: str, labels: tuple[str, ...] = (), is_video: bool = False
    ) -> None:
        self.model = model
        self.detector = detector
        self.labels = labels
        self._is_video = is_video
        self._reported: dict[int, _ReportedState] = {}

    def update(self, frame: Frame, expressions: Sequence[Expression]) -> list[EmotionEvent]:
        """Return what is new in `frame`, ends first."""
        present = {expression.track.track_id for expression in expressions}
        ended = [track_id for track_id in self._reported if track_id not in present]
        events = [self._end(track_id, frame.captured) for track_id in ended]
        for expression in expressions:
            event = self._update_track(expression, frame)
            if event is not None:
                events.append(event)
        return events

    def end_all(self, now: float) -> list[EmotionEvent]:
        """Return the end of every track still alive, decided `now` on the monotonic clock."""
        return [self._end(track_id, now) for track_id in list(self._reported)]

    def _update_track(self, expression: Expression, frame: Frame) -> EmotionEvent | None:
        reported = self._reported.get(expression.track.track_id)
        if reported is None:
            reported = _ReportedState(expression, frame.timestamp, frame)
            self._reported[expression.track.track_id] = reported
            return self._event(EventType.START, reported, frame)
        changed = reported.expression.emotion != expression.emotion
        if expression.track.seen:
            reported.last_seen = frame
        else:  # where it would be by now is not where anybody saw it
            expression = replace(expression, track=reported.expression.track)
        reported.expression = expression
        return self._event(EventType.CHANGE, reported, frame) if changed else None

    def _end(self, track_id: int, captured: float) -> EmotionEvent:
        reported = self._reported.pop(track_id)
        return self._event(EventType.END, reported, replace(reported.last_seen, captured=captured))

    def _event(self, kind: EventType, reported: _ReportedState, frame: Frame) -> EmotionEvent:
        """Return an event of what `frame` shows; for an end, of where it was last seen."""
        expression = reported.expression
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
            frame_size=reported.last_seen.size,
            duration=reported.last_seen.timestamp - reported.since,
            model=self.model,
            detector=self.detector,
            captured=frame.captured,
            position=frame.timestamp if self._is_video else None,
        )
