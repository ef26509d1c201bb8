"""A day of events, made up but plausible: who came when, and showed what."""

import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import NAMESPACE_OID, uuid5

from edge.geometry import Box
from edge.publish.events import encode_event
from edge.types import UNCERTAIN, EmotionEvent, EventType, Reason, Track
from tests.events import QUALITY, RUN

MORNING = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
HOURS = 10
SHOWN = {"neutral": 10, "happy": 5, "sad": 2, "surprise": 1, "angry": 1, UNCERTAIN: 2}
LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def event(
    kind: EventType,
    track_id: int,
    emotion: str,
    second: float,
    duration: float = 0.0,
    position: float | None = None,
    run: str = RUN,
) -> EmotionEvent:
    """Return an event `second` seconds after the morning began, or at a place in a film."""
    read = emotion != UNCERTAIN
    shares = dict.fromkeys(LABELS, 0.05) | {emotion: 0.7} if read else None
    return EmotionEvent(
        track=Track(track_id, Box(0.0, 0.0, 100.0, 100.0), seen=True),
        id=str(uuid5(NAMESPACE_OID, f"{kind} {track_id} {emotion} {second} {position} {run}")),
        time=MORNING + timedelta(seconds=second),
        type=kind,
        emotion=emotion,
        probabilities=shares,
        quality=QUALITY,
        reasons=() if read else (Reason.SIDE_FACE,),
        frame_size=(640, 480),
        duration=duration,
        model="shallow-int8",
        detector="builtin",
        captured=0.0,
        position=position,
        run=run,
    )


def day(visits: int) -> Iterator[EmotionEvent]:
    """Yield the events of a day with so many visits."""
    dice = random.Random(8)
    for track_id in range(1, visits + 1):
        start = second = dice.uniform(0, 3600 * HOURS)
        emotion = dice.choices(list(SHOWN), list(SHOWN.values()))[0]
        yield event(EventType.START, track_id, emotion, start)
        for _ in range(dice.randrange(12)):
            second += dice.expovariate(1 / 20)
            others = {one: weight for one, weight in SHOWN.items() if one != emotion}
            emotion = dice.choices(list(others), list(others.values()))[0]
            yield event(EventType.CHANGE, track_id, emotion, second)
        second += dice.expovariate(1 / 20)
        yield event(EventType.END, track_id, emotion, second + 1.5, second - start)


if __name__ == "__main__":
    lines = (encode_event(one) + b"\n" for one in day(int(sys.argv[1])))
    Path(sys.argv[2]).write_bytes(b"".join(lines))
