"""The errors emotiond raises on purpose, each with the exit code it ends the process with.

An `EmotiondError` is addressed to a person: its text says what was expected, what came, and the
remedy, and it is printed without a traceback. Any other exception is a fault of the program.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes, chosen so that systemd can tell a retry from a lost cause."""

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


class CalibrationError(EmotiondError):
    """A person's neutral face was not seen well or long enough, or the result cannot be stored."""


class FetchError(EmotiondError):
    """A published file cannot be downloaded."""
