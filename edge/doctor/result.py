"""What the doctor finds."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One thing that was looked at.

    Attributes:
        level: a warning costs something, and the daemon runs; with a failure it does not do its
            work.
        subject: what was looked at.
        text: how it is.
        remedy: what to do about it; None where all is well.
    """

    level: Level
    subject: str
    text: str
    remedy: str | None = None

    def __str__(self) -> str:
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{self.level:<7}  {self.subject}: {self.text}{remedy}"
