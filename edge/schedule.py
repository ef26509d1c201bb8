"""Schedule: the times of the week at which the camera may be used, by the clocks on the wall."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated

import msgspec

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY = 24 * 60
WEEK = 7 * DAY  # minutes of a day and of a week
_DAYS = "(?:DAY)(?:-(?:DAY))?".replace("DAY", "|".join(DAYS))
_TIME = r"([01]\d|2[0-3]):([0-5]\d)"
FORM = re.compile(rf"(?:({_DAYS}(?:,{_DAYS})*) )?{_TIME}-(?:{_TIME}|24:00)")
"""Days and times of one entry; what ends at 24:00 has no last two groups."""


class ScheduleSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Times at which the camera is used; outside them it is released, as in a pause.

    Attributes:
        active: such as `mon-fri 08:00-18:00`, `sat,sun 22:00-02:00`, `09:00-17:00`; null: always.
    """

    active: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=100)] | None = None

    def __post_init__(self) -> None:
        for text in self.active or ():
            if not all(0 < length < WEEK for _, length in _periods(text)):
                raise ValueError(f"Expected an end after the beginning in {text[:80]!r}")

    def is_active(self, now: datetime) -> bool:
        """Tell whether the camera may be used at a time, in UTC."""
        if self.active is None:
            return True
        local = now.astimezone()
        minute = local.weekday() * DAY + local.hour * 60 + local.minute
        periods = (period for text in self.active for period in _periods(text))
        return any((minute - start) % WEEK < length for start, length in periods)

    def next_start(self, now: datetime) -> datetime | None:
        """Return when it may be used again; None where that is more than a week away."""
        start = now.replace(second=0, microsecond=0)
        minutes = (start + timedelta(minutes=count) for count in range(1, WEEK + DAY))
        return next((minute for minute in minutes if self.is_active(minute)), None)


def _periods(text: str) -> Iterator[tuple[int, int]]:
    """Yield first minute of the week and length of each period of an entry, or raise ValueError."""
    if (found := FORM.fullmatch(text)) is None:
        raise ValueError(f"Expected times such as `mon-fri 08:00-18:00`, not {text[:80]!r}")
    start = 60 * int(found[2]) + int(found[3])
    end = 60 * int(found[4]) + int(found[5]) if found[4] else DAY
    for part in (found[1] or "mon-sun").split(","):
        first, _, last = part.partition("-")
        begin, days = DAYS.index(first), DAYS.index(last or first) - DAYS.index(first)
        for day in range(begin, begin + days % 7 + 1):
            yield day % 7 * DAY + start, end - start if end >= start else end - start + DAY
