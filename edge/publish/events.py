"""Events: generated from expressions, encoded as JSON the way subscribers see them, and decoded."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from secrets import token_hex
from typing import Annotated, Any, Literal

import msgspec

from edge import types
from edge.geometry import Box
from edge.model_card import Share
from edge.types import UNCERTAIN, EmotionEvent, EventType, Expression, Frame

_Measure = Annotated[float, msgspec.Meta(ge=0.0)]
_Balance = Annotated[float, msgspec.Meta(ge=-1.0, le=1.0)]
_Gray = Annotated[float, msgspec.Meta(ge=0.0, le=255.0)]
_Count = Annotated[int, msgspec.Meta(ge=1)]
_Id = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")]


@dataclass(slots=True)
class _ReportedState:
    """State of one track as last reported, and the frame in which it was last seen."""

    expression: Expression
    since: float
    last_seen: Frame


class EventGenerator:
    """Turns expressions, frame by frame, into events.

    Every track that gets a start event gets an end event, whatever happens between. Events of a
    video file have a position. `run`, which each event carries, is a new one by default.
    """

    def __init__(
        self,
        model: str,
        detector: str,
        labels: tuple[str, ...] = (),
        is_video: bool = False,
        run: str = "",
        *,
        zones: tuple[str, ...] = (),
    ) -> None:
        self.model, self.detector, self.labels, self.zones = model, detector, labels, zones
        self.run, self._is_video = run or new_run(), is_video
        self._reported: dict[int, _ReportedState] = {}

    def update(self, frame: Frame, expressions: Sequence[Expression]) -> list[EmotionEvent]:
        """Return what is new in `frame`, ends first."""
        present = {expression.track.track_id for expression in expressions}
        ended = [track_id for track_id in self._reported if track_id not in present]
        ends = [self._end(track_id, frame.captured) for track_id in ended]
        news = [self._update_track(expression, frame) for expression in expressions]
        return ends + [event for event in news if event is not None]

    def take_over(self, former: "EventGenerator") -> None:
        """Go on with the tracks of another generator, which is not used any more."""
        self._reported, former._reported = former._reported, {}

    def end_all(self, now: float) -> list[EmotionEvent]:
        """Return the end of every track still alive, decided `now` on the monotonic clock."""
        return [self._end(track_id, now) for track_id in list(self._reported)]

    def _update_track(self, expression: Expression, frame: Frame) -> EmotionEvent | None:
        reported = self._reported.get(expression.track.track_id)
        if reported is None:
            reported = _ReportedState(expression, frame.timestamp, frame)
            self._reported[expression.track.track_id] = reported
            return self._event(EventType.START, reported, frame)
        before = reported.expression
        if expression.track.seen:
            reported.last_seen = frame
        else:  # where it would be by now is not where anybody saw it
            expression = replace(expression, track=reported.expression.track)
        reported.expression = expression
        if before.emotion != expression.emotion:
            return self._event(EventType.CHANGE, reported, frame)
        moved = before.zones != expression.zones
        return self._event(EventType.ZONE, reported, frame) if moved else None

    def _end(self, track_id: int, captured: float) -> EmotionEvent:
        reported = self._reported.pop(track_id)
        return self._event(EventType.END, reported, replace(reported.last_seen, captured=captured))

    def _event(self, kind: EventType, reported: _ReportedState, frame: Frame) -> EmotionEvent:
        """Return an event of what `frame` shows; for an end, of where it was last seen."""
        expression = reported.expression
        shown = {field.name: getattr(expression, field.name) for field in fields(Expression)}
        return EmotionEvent(
            **shown,
            id=str(uuid.uuid4()),
            time=datetime.now(UTC),
            type=kind,
            frame_size=reported.last_seen.size,
            duration=reported.last_seen.timestamp - reported.since,
            model=self.model,
            detector=self.detector,
            captured=frame.captured,
            position=frame.timestamp if self._is_video else None,
            run=self.run,
        )


def new_run() -> str:
    """Return an id for one start of the daemon."""
    return token_hex(4)


def encode_event(event: EmotionEvent) -> bytes:
    """Return the payload of an event; docs/event.schema.json describes it."""
    width, height = event.frame_size
    position = None if event.position is None else round(event.position, 3)
    special = {"position": position, "reason": event.reason, "camera": event.camera_name or None}
    return msgspec.json.encode(
        {
            "id": event.id,
            "time": utc(event.time),
            "type": event.type,
            "run": event.run,
            **event.to_dict(),
            "frame": {"width": width, "height": height},
            "duration": round(event.duration, 3),
            "model": event.model,
            "detector": event.detector,
            "latency_ms": round(event.latency * 1000, 1),
            **{name: value for name, value in special.items() if value is not None},
        }
    )


def decode_event(payload: bytes) -> EmotionEvent:
    """Return the event of a payload that `encode_event` made, as exact as it is there.

    The payload lacks `captured`, which is 0, and one of an older version `run`, which is empty. A
    msgspec.DecodeError says that it is not JSON, or what in it is not as docs/event.schema.json.
    """
    event = msgspec.json.decode(payload, type=_EventPayload)
    affect = None
    if event.valence is not None and event.arousal is not None:
        affect = event.valence, event.arousal
    names = {field.name for field in fields(EmotionEvent)}
    same = {name: getattr(event, name) for name in names & {*event.__struct_fields__}}
    return EmotionEvent(
        **same
        | {"time": event.time.astimezone(UTC)}
        | {"quality": types.Quality(**msgspec.structs.asdict(event.quality))},
        track=types.Track(event.track_id, Box(*event.box), seen=True),
        affect=affect,
        frame_size=(event.frame["width"], event.frame["height"]),
        captured=0.0,
        latency=event.latency_ms / 1000,
    )


def end_by_restart(payload: bytes) -> bytes:
    """Return the end of a killed run's track, from its latest event; errors as `decode_event`."""
    latest, now = decode_event(payload), datetime.now(UTC)
    known_id = str(uuid.uuid5(uuid.UUID(latest.id), "restart"))  # a subscriber drops repeats
    end = replace(latest, id=known_id, time=now, type=EventType.END, reason="restart")
    return encode_event(end)


def plain_stats(stats: types.Stats) -> dict[str, Any]:
    """Return the stats of a pipeline as plain values."""
    return {
        "time": utc(stats.time),
        "uptime": round(stats.uptime, 1),
        "camera": stats.camera.value,
        "fps": {"in": round(stats.fps_in, 1), "out": round(stats.fps_out, 1)},
        "frames": stats.frames,
        "detections": stats.detections,
        "faces": stats.faces,
        "rejected_faces": stats.rejected_faces,
        "events": stats.events,
        "dropped": stats.dropped,
        "frame_latency_ms": _percentiles(stats.frame_latency),
        "event_latency_ms": _percentiles(stats.event_latency),
        "cpu": round(stats.load.cpu, 3),
        "memory": stats.load.memory,
        "temperature": stats.load.temperature,
        **({"camera_name": stats.camera_name} if stats.camera_name else {}),
    }


def utc(time: datetime | float) -> str:
    """Return a UTC or POSIX time as payloads have it: ISO 8601 in milliseconds."""
    moment = time if isinstance(time, datetime) else datetime.fromtimestamp(time, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _percentiles(latency: tuple[float, float] | None) -> dict[str, float] | None:
    names = "p50", "p95"
    return latency and {name: round(1000 * s, 1) for name, s in zip(names, latency, strict=True)}


class _Quality(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    size: _Measure
    sharpness: _Measure
    brightness: _Gray
    contrast: _Measure
    yaw: Annotated[float, msgspec.Meta(ge=-90.0, le=90.0)] | None
    roll: Annotated[float, msgspec.Meta(ge=-180.0, le=180.0)] | None


class _EventPayload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The fields of an event, as docs/event.schema.json describes them."""

    id: _Id
    time: Annotated[datetime, msgspec.Meta(tz=True)]
    type: EventType
    track_id: _Count
    emotion: Annotated[str, msgspec.Meta(min_length=1)]
    confidence: Share | None
    probabilities: Annotated[dict[str, Share], msgspec.Meta(min_length=2)] | None
    reasons: tuple[types.Reason, ...]
    quality: _Quality
    box: tuple[float, float, float, float]
    frame: Annotated[dict[Literal["width", "height"], _Count], msgspec.Meta(min_length=2)]
    duration: _Measure
    model: str
    detector: str
    latency_ms: _Measure
    position: _Measure | None = None
    run: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{8}\Z")] = ""
    reason: Literal["restart"] | None = None
    zones: tuple[str, ...] | None = None
    looking: bool | None = None
    valence: _Balance | None = None
    arousal: _Balance | None = None
    camera_name: str = msgspec.field(default="", name="camera")

    def __post_init__(self) -> None:
        if self.reason is not None and self.type is not EventType.END:
            raise ValueError("Expected `reason` in an end only")
        shares, read = self.probabilities or {}, self.emotion != UNCERTAIN
        told = self.confidence is not None, self.emotion in shares, not self.reasons
        if told != (read, read, read) or (shares and not read):
            text = "`confidence` and a probability of `emotion`, or `reasons` of `uncertain`"
            raise ValueError(f"Expected {text}")
