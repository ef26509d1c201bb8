"""Results of the checks of `emotiond doctor`, which whatever is checked can make of itself.

Imports nothing but the standard library: doctor must say why other packages cannot be imported.
"""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """Severity of a check's result."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check; `ok`, `warning` and `failure` make it.

    Attributes:
        level: a warning costs something, and the daemon runs; with a failure it does not do its
            work.
        subject: what was checked.
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


def ok(subject: str, text: str) -> CheckResult:
    """Return the result of a check that found nothing wrong."""
    return CheckResult(Level.OK, subject, text)


def warning(subject: str, text: str, remedy: str) -> CheckResult:
    """Return the result of a check that found what costs something."""
    return CheckResult(Level.WARNING, subject, text, remedy)


def failure(subject: str, text: str, remedy: str) -> CheckResult:
    """Return the result of a check that found what keeps the daemon from working."""
    return CheckResult(Level.FAILURE, subject, text, remedy)
