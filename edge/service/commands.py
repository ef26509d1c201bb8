"""The commands, and how each is answered."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any

import msgspec

from edge.config_errors import format_validation_error
from edge.infer.quality import Degrees, GrayLevel, Limit
from edge.model_card import Share

LONGEST_PAUSE = 366 * 86_400.0
"""Seconds; a longer pause is one without end."""


class CommandName(StrEnum):
    """What the commands are called, in topics and in the config."""

    PAUSE = "pause"
    MODEL = "model"
    DETECTOR = "detector"
    THRESHOLDS = "thresholds"
    SNAPSHOT = "snapshot"
    RELOAD = "reload"
    INFO = "info"


class Pause(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Let go of the camera and look at nothing, or look again.

    Attributes:
        paused: which of the two.
        seconds: after which the pause ends by itself; None: when told.
    """

    paused: bool
    seconds: Annotated[float, msgspec.Meta(gt=0.0, le=LONGEST_PAUSE)] | None = None

    def __post_init__(self) -> None:
        if self.seconds is not None and not self.paused:
            raise ValueError("Expected `seconds` only where `paused` is true")


class SetModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Classify with another model: one that is shipped, or the config's own."""

    model: str


class SetDetector(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Find faces with another detector, named by its kind."""

    detector: str


class SetThresholds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Change what is taken for a face, and what for one that can be read.

    Each is called as in the config: `face_threshold` of the classifier, `min_confidence` of the
    detector, the others of `quality`; `min_expression_confidence` is the classifier's
    `min_confidence`. What is None stays as it is.
    """

    face_threshold: Share | None = None
    min_expression_confidence: Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)] | None = None
    min_confidence: Annotated[float, msgspec.Meta(gt=0.0, lt=1.0)] | None = None
    min_size: Limit | None = None
    min_sharpness: Limit | None = None
    min_brightness: GrayLevel | None = None
    min_contrast: GrayLevel | None = None
    max_yaw: Degrees | None = None

    def __post_init__(self) -> None:
        if not self.changes:
            raise ValueError("Expected at least one threshold")

    @property
    def changes(self) -> dict[str, float]:
        """The thresholds that are to change, by name."""
        values = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: value for name, value in values.items() if value is not None}


class GetSnapshot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Give the picture of this moment."""


class Reload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Read the config again and go on with it; whatever commands changed is forgotten."""


class GetInfo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Say what is running here."""


class Shutdown(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """End the daemon; only who sits before it may say that, so it has no name."""


NamedCommand = Pause | SetModel | SetDetector | SetThresholds | GetSnapshot | Reload | GetInfo
Command = NamedCommand | Shutdown

KINDS: dict[CommandName, type[NamedCommand]] = {
    CommandName.PAUSE: Pause,
    CommandName.MODEL: SetModel,
    CommandName.DETECTOR: SetDetector,
    CommandName.THRESHOLDS: SetThresholds,
    CommandName.SNAPSHOT: GetSnapshot,
    CommandName.RELOAD: Reload,
    CommandName.INFO: GetInfo,
}
"""What each name asks for."""


class ErrorCode(StrEnum):
    """Why a command was not carried out."""

    MALFORMED = "malformed"
    OVERSIZED = "oversized"
    UNKNOWN = "unknown"
    UNAUTHORISED = "unauthorised"
    REFUSED = "refused"
    FAILED = "failed"
    BUSY = "busy"


class CommandError(Exception):
    """A command that is not carried out; nothing was changed.

    Args:
        code: for programs.
        message: for people.
    """

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What came of a command that was carried out.

    Attributes:
        data: plain values.
        picture: a JPEG file, where a picture was asked for.
    """

    data: dict[str, Any] = field(default_factory=dict)
    picture: bytes | None = None


@dataclass(frozen=True, slots=True)
class CommandRequest:
    """A command, and whom to answer.

    Attributes:
        answer: called once, from the main thread; it never blocks.
    """

    command: Command
    answer: Callable[[CommandResult | CommandError], None]


def read_command(name: CommandName, fields: dict[str, Any]) -> NamedCommand:
    """Return the command of that name, with the fields that a caller gave.

    Raises:
        CommandError: there is an unknown one, a wrong type, or a value out of range.
    """
    try:
        return msgspec.convert(fields, KINDS[name])
    except msgspec.ValidationError as error:
        text = format_validation_error(str(error), fields, KINDS[name])
        raise CommandError(ErrorCode.MALFORMED, text) from error
