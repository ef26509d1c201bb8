"""Messages to a person: the errors raised on purpose, and the results of the doctor's checks.

An `EmotiondError` is printed without a traceback, and has the exit code that it ends the process
with. Imports nothing but the standard library: the doctor must say why a package is missing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import partial


class ExitCode(IntEnum):
    """Exit codes, by which systemd tells a retry from a lost cause."""

    OK = 0
    FAULT = 1
    USAGE = 2
    CONFIG = 78  # sysexits.h EX_CONFIG


class EmotiondError(Exception):
    """Base of every error that is addressed to the user."""

    exit_code = ExitCode.FAULT


class ConfigError(EmotiondError):
    """The configuration cannot be used; trying again cannot help."""

    exit_code = ExitCode.CONFIG


class ModelError(EmotiondError):
    """A model or its card is missing, damaged, or contradicts the other."""

    exit_code = ExitCode.CONFIG


class SourceError(EmotiondError):
    """A source failed to open, or died while being read."""


class InputError(SourceError):
    """A file given as input cannot be read; waiting cannot mend it."""


class DataError(EmotiondError):
    """Training data is malformed."""


@contextmanager
def os_errors_as(
    kind: type[EmotiondError], path: object, verb: str = "read", remedy: str = ""
) -> Iterator[None]:
    """Make an OSError of the block a `kind`, which says that a file cannot be read, and why."""
    try:
        yield
    except OSError as error:
        raise kind(f"{path}: cannot be {verb}: {error.strerror}{remedy}") from error


class Level(StrEnum):
    """Severity of a check's result."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check; `ok`, `warning` and `failure` make it."""

    level: Level
    subject: str
    text: str
    remedy: str | None = None

    def __str__(self) -> str:
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{self.level:<7}  {self.subject}: {self.text}{remedy}"


ok = partial(CheckResult, Level.OK)
warning = partial(CheckResult, Level.WARNING)
failure = partial(CheckResult, Level.FAILURE)
"""Results: nothing is wrong; something costs, or keeps the daemon from working, with a remedy."""
