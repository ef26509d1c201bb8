"""What was heard, in lines for the terminal."""

from datetime import UTC, datetime

import msgspec

BAR = 20


class Told(msgspec.Struct, frozen=True):
    """What a line tells of an event; a newer emotiond may say more."""

    time: str
    type: str
    track_id: int
    emotion: str
    confidence: float | None
    reasons: tuple[str, ...]
    duration: float
    latency_ms: float


def event_line(payload: bytes) -> str:
    """Return one event as a line with a bar for its confidence, or why there is none.

    Raises:
        msgspec.DecodeError: it is no event.
    """
    event = msgspec.json.decode(payload, type=Told)
    return printable(
        f"{event.time[11:23]}  {event.type:<6}  face {event.track_id}  "
        f"{event.emotion:<9}  {_sureness(event):<{BAR + 5}}  "
        f"after {event.duration:4.1f} s  latency {event.latency_ms:.0f} ms"
    )


def plain_line(text: str) -> str:
    """Return what has no time of its own as a line of this moment."""
    return printable(f"{datetime.now(UTC).time().isoformat('milliseconds')}  {text}")


def printable(text: str) -> str:
    """Return `text` without what could move a terminal's cursor: it came over the network."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _sureness(event: Told) -> str:
    if event.confidence is None:
        return ", ".join(event.reasons)
    filled = round(BAR * min(max(event.confidence, 0.0), 1.0))
    return f"{'█' * filled}{'░' * (BAR - filled)} {event.confidence:4.0%}"
