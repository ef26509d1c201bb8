"""Times as people read them."""

from datetime import datetime

STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
"""Seconds between two marks of a time axis; beyond them days."""


def clock(moment: float, film: bool) -> str:
    """Return a moment: of a film as 1:02:03, else the time of day here."""
    if not film:
        return f"{datetime.fromtimestamp(moment):%H:%M:%S}"
    minutes, seconds = divmod(round(moment), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


def day(moment: float) -> str:
    """Return the day of a moment here, as 2026-11-26."""
    return f"{datetime.fromtimestamp(moment):%Y-%m-%d}"


def zone(moment: float) -> str:
    """Return what time zone is meant."""
    return f"{datetime.fromtimestamp(moment).astimezone():%Z}"


def lasting(seconds: float) -> str:
    """Return how long something lasted."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def marks(start: float, end: float, most: int, film: bool) -> list[float]:
    """Return at most `most` round moments from `start` to `end`."""
    spare = [step for step in STEPS if (end - start) / step < most]
    step = spare[0] if spare else 86400 * (1 + int((end - start) / 86400 / most))
    # Round hours are those of here, wherever that is.
    shift = 0.0 if film else datetime.fromtimestamp(start).astimezone().utcoffset().total_seconds()  # type: ignore[union-attr]
    first = -(-(start + shift) // step) * step - shift
    return [first + place * step for place in range(int((end - first) // step) + 1)]
