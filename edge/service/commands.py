"""Commands: their types, how they are parsed and answered, and the queue they wait in."""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, get_args

import msgspec

from edge.config_errors import format_validation_error
from edge.infer.crop import Degrees, GrayLevel, Limit
from edge.model_card import Share

MAX_PAUSE_S = 366 * 86_400.0  # longest pause that ends by itself, in seconds
MAX_WAITING = 16  # requests that may wait for their answer; a caller who is faster is told so


class CommandName(StrEnum):
    """Names of the commands, in topics and in the config."""

    PAUSE = "pause"
    MODEL = "model"
    DETECTOR = "detector"
    THRESHOLDS = "thresholds"
    SNAPSHOT = "snapshot"
    RELOAD = "reload"
    INFO = "info"


class Pause(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Release the camera and analyze nothing, for `seconds` or until told to resume; or resume."""

    paused: bool
    seconds: Annotated[float, msgspec.Meta(gt=0.0, le=MAX_PAUSE_S)] | None = None

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
    """Change what is taken for a face, and what for one that can be read; None changes nothing."""

    face_threshold: Share | None = None  # of the classifier
    # The classifier's `min_confidence`.
    min_expression_confidence: Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)] | None = None
    # The detector's.
    min_confidence: Annotated[float, msgspec.Meta(gt=0.0, lt=1.0)] | None = None
    min_size: Limit | None = None  # this and what follows: of `quality`
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
    """Return the current image as a JPEG."""


class Reload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Read the config again and go on with it; what commands changed is forgotten."""


class GetInfo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Return what is running here."""


class GetSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Return what of the config file the web page can change; it has no name: others may not."""


class ChangeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Change the config file and go on with it; it has no name, so that the page alone can ask."""

    # New values by key, such as `smoothing.hold_s`; None brings the default back.
    changes: Annotated[dict[str, Any], msgspec.Meta(min_length=1, max_length=100)]
    confirmed: bool = False  # whether it may let out or keep more than before


class Shutdown(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """End the daemon; it has no name, so that only the keyboard of its window can ask for it."""


NamedCommand = Pause | SetModel | SetDetector | SetThresholds | GetSnapshot | Reload | GetInfo
Command = NamedCommand | GetSettings | ChangeSettings | Shutdown

KINDS: dict[CommandName, type[NamedCommand]] = dict(
    zip(CommandName, get_args(NamedCommand), strict=True)
)
"""Type of each command, by its name: both are in the same order."""


class ErrorCode(StrEnum):
    """Reason for the refusal of a command."""

    MALFORMED = "malformed"
    OVERSIZED = "oversized"
    UNKNOWN = "unknown"
    UNAUTHORISED = "unauthorised"
    REFUSED = "refused"
    FAILED = "failed"
    BUSY = "busy"


class CommandError(Exception):
    """A command that was refused, with a code for programs; nothing was changed."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class CommandResult:
    """Result of a command: plain values, and the current image where it was asked for."""

    data: dict[str, Any] = field(default_factory=dict)
    jpeg: bytes | None = None


@dataclass(frozen=True, slots=True)
class CommandRequest:
    """A command; `answer` is called once, from the main thread, and never blocks."""

    command: Command
    answer: Callable[[CommandResult | CommandError], None]
    camera: str = ""  # whom it is for; without a name, the only one or all


def read_command(name: CommandName, fields: dict[str, Any]) -> NamedCommand:
    """Parse the command of that name from the fields that a caller gave, or say what is wrong."""
    try:
        return msgspec.convert(fields, KINDS[name])
    except msgspec.ValidationError as error:
        text = format_validation_error(str(error), fields, KINDS[name])
        raise CommandError(ErrorCode.MALFORMED, text) from error


@dataclass(frozen=True, slots=True)
class Catalog:
    """Choices of the commands, as the config allows."""

    models: Mapping[str, Path] = field(default_factory=dict)
    detectors: tuple[str, ...] = ()  # their kinds
    allow_snapshots: bool = False  # whether images may leave the process


class CommandQueue:
    """Thread-safe queue of requests: any thread submits, the main thread answers."""

    def __init__(self) -> None:
        self._requests: deque[CommandRequest] = deque()
        # Held until there is something to look at. A signal handler may release it while its own
        # thread waits for it, which no lock of `queue.Queue` allows; and the timed wait of
        # `queue.SimpleQueue` may miss what is put, in CPython 3.11 and 3.12.
        self._nothing_new = threading.Lock()
        self._nothing_new.acquire()

    def submit(self, request: CommandRequest) -> None:
        """Queue a request, or answer at once that there are too many."""
        if len(self._requests) >= MAX_WAITING:
            request.answer(CommandError(ErrorCode.BUSY, "too many requests wait; ask again later"))
        else:
            self._requests.append(request)
            self.wake()

    def wake(self) -> None:
        """Have the main thread return from `next`, with a request or without."""
        with suppress(RuntimeError):  # it was not held: there was something already
            self._nothing_new.release()

    def next(self, timeout: float) -> CommandRequest | None:
        """Return the oldest request, None when none came within `timeout` seconds or `wake`."""
        if not self._requests:
            self._nothing_new.acquire(timeout=max(0.0, timeout))
        return self._requests.popleft() if self._requests else None
