"""What the keys of the window do."""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import cv2

from edge.service.commands import (
    Command,
    CommandError,
    CommandQueue,
    CommandRequest,
    CommandResult,
    Pause,
    SetDetector,
    SetModel,
    Shutdown,
)
from edge.types import CameraState, DaemonStatus
from edge.view.annotate import annotate
from edge.view.view_context import ViewContext

HELP = (
    "q: quit",
    "space: pause, resume",
    "m: next model",
    "d: next detector",
    "s: save this picture",
    "f: full screen",
    "h: this help",
)

NOTE_SECONDS = 4.0
"""How long it is told what a key did."""

log = logging.getLogger(__name__)


class KeyHandler:
    """Carries out keys, and says what came of them.

    Args:
        outlook: what is shown.
        desk: where it hands in what keys ask for.
        clock: the monotonic clock, in seconds.

    Attributes:
        status: how the daemon is set; None before it was told.
    """

    def __init__(
        self, outlook: ViewContext, desk: CommandQueue, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.status: DaemonStatus | None = None
        self._outlook = outlook
        self._desk = desk
        self._clock = clock
        self._helping = False
        self._note = ""
        self._note_until = 0.0
        self._keys: dict[str, Callable[[], None]] = {
            "q": lambda: self._ask(Shutdown(), "goodbye"),
            "space": self._pause,
            "m": self._next_model,
            "d": self._next_detector,
            "s": self._save,
            "h": self._help,
        }

    def press(self, key: str) -> None:
        """Do what a key asks for; any other does nothing."""
        self._keys.get(key, lambda: None)()

    @property
    def text(self) -> tuple[str, ...]:
        """The lines to be written into the picture."""
        lines = HELP if self._helping else ()
        note = (self._note,) if self._clock() < self._note_until else ()
        return (*lines, *dict.fromkeys((*self._state(), *note)))

    def _state(self) -> tuple[str, ...]:
        """Say why nothing is seen, where nothing is."""
        if self._outlook.showcase.newest is not None:
            return ()
        camera = self.status.camera if self.status else CameraState.ONLINE
        words = {CameraState.PAUSED: "paused", CameraState.OFFLINE: "the camera is away"}
        return (words.get(camera, "waiting for the first picture"),)

    def _say(self, note: str) -> None:
        self._note, self._note_until = note, self._clock() + NOTE_SECONDS

    def _help(self) -> None:
        self._helping = not self._helping

    def _ask(
        self, command: Command, done: str, refused: Callable[[str], None] | None = None
    ) -> None:
        """Hand a command in, and say what came of it; `refused` is told why it came to nothing."""

        def answer(result: CommandResult | CommandError) -> None:
            if not isinstance(result, CommandError):
                self._say(done)
            else:
                (refused or self._say)(str(result))

        self._desk.submit(CommandRequest(command, answer))

    def _pause(self) -> None:
        paused = self.status is not None and self.status.camera is CameraState.PAUSED
        self._ask(Pause(paused=not paused), "resumed" if paused else "paused")

    def _next_model(self) -> None:
        if self.status is not None:
            models = sorted(self._outlook.catalog.models)
            (model, *_) = _behind(models, self.status.model)
            self._ask(SetModel(model), f"model {model}")

    def _next_detector(self) -> None:
        """Take the next detector that can be used here."""
        if self.status is not None:
            kinds = [kind for kind in self._outlook.catalog.detectors if kind != "auto"]
            self._try_detectors(_behind(kinds, self.status.detector))

    def _try_detectors(self, kinds: Sequence[str]) -> None:
        if not kinds:
            self._say("no other detector can be used here")
            return
        kind, *others = kinds

        def pass_over(reason: str) -> None:
            log.info("detector %s is passed over: %s", kind, reason)
            self._try_detectors(others)

        self._ask(SetDetector(kind), f"detector {kind}", pass_over)

    def _save(self) -> None:
        """Write the picture as it is shown, over no other, into the current folder."""
        scene = self._outlook.showcase.newest
        if scene is None:
            self._say("there is no picture to save")
            return
        picture = annotate(scene, self._outlook.blur)
        path = Path.cwd() / f"emotiond-{datetime.now():%Y%m%d-%H%M%S-%f}.png"
        try:
            with path.open("xb") as file:
                file.write(cv2.imencode(".png", picture)[1].tobytes())
        except OSError as error:
            self._say(f"not saved: {error.strerror}")
            log.warning("%s: cannot be written: %s", path, error.strerror)
            return
        self._say(f"saved as {path.name}")
        log.info("picture saved as %s", path)


def _behind(names: Sequence[str], present: str) -> list[str]:
    """Return the names that come behind the present one, and then those before it."""
    place = names.index(present) if present in names else -1
    others = [*names[place + 1 :], *names[: max(0, place)]]
    return others or [present]
