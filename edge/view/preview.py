"""Preview window: a sink that shows annotated frames on this machine's screen, and its keys.

The window itself belongs to a process of its own, `edge.view.preview_process`. To its stdin go
images, each a `FRAME_HEADER`, a text and its pixels; from its stdout comes an empty line once it
has a display, and one for each key or button, by the name of the key.
"""

import logging
import os
import select
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from threading import Event, Thread
from typing import IO

import cv2

from edge.errors import ConfigError
from edge.paths import private_opener
from edge.publish import Sink
from edge.service import commands
from edge.service.commands import CommandError, CommandRequest
from edge.types import AnalyzedFrame, CameraState, DaemonStatus, SinkRecord
from edge.view import ViewContext
from edge.view.annotate import annotate

FRAME_HEADER = struct.Struct("<HHH")
"""Width and height of an image, 0 where there is none, and bytes of the text that follows in UTF-8,
before height x width x 3 bytes: blue, green, red."""

EXIT_NO_DISPLAY = 3  # exit code of the process where there is no display
DISPLAY_TIMEOUT_S = 10.0  # seconds that a display may take to answer
POLL_INTERVAL_S = 0.25  # seconds between two looks at the text to show, while no frame comes
NOTE_S = 4.0  # seconds for which the result of a key is shown

WINDOW_ENVIRONMENT = {
    "SDL_VIDEO_X11_WMCLASS": "emotiond",
    "SDL_VIDEO_WAYLAND_WMCLASS": "emotiond",
    "PYGAME_HIDE_SUPPORT_PROMPT": "1",
}
"""By what name a desktop knows the program that has the window; and that it greets nobody."""

log = logging.getLogger(__name__)


class PreviewSink(Sink):
    """Shows annotated frames on this machine's own screen, and takes keys and clicks.

    Where there is no display, or it goes away, the log says so, and the daemon goes on without;
    but where the window is all that the config asks for, it does not start.
    """

    def __init__(self, context: ViewContext) -> None:
        self._context = context
        self._keys = KeyHandler(context)
        self._closed = Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: Thread | None = None

    def prepare(self, closed_first: Sequence[Sink] = ()) -> None:
        """Start the process of the window; without a display and anything else to do, fail."""
        self._process = open_window()
        if self._context.is_only_sink and (reason := why_no_display(self._process)):
            raise ConfigError(f"{reason}; nothing else is asked for")

    def start(self) -> None:
        """Show frames from now on."""
        assert self._process is not None
        self._thread = Thread(target=self._run, args=(self._process,), name="window", daemon=True)
        self._thread.start()
        keys = _pipe(self._process.stdout)
        Thread(target=self._read_keys, args=(keys,), name="window-keys", daemon=True).start()

    def publish(self, record: SinkRecord) -> None:
        """Keep the daemon's status; frames come from the view context."""
        if isinstance(record, DaemonStatus):
            self._keys.status = record

    def close(self, timeout: float) -> None:
        """Close the window."""
        self._closed.set()
        if self._process is None:
            return
        if self._thread is None:
            _pipe(self._process.stdin).close()
        else:
            self._thread.join(timeout)
        try:
            self._process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _run(self, process: "subprocess.Popen[bytes]") -> None:
        """Send what is new until the window is closed, from here or by its process."""
        frame: AnalyzedFrame | None = None
        text = None
        with suppress(BrokenPipeError), _pipe(process.stdin) as pipe:
            while not self._closed.is_set() and process.poll() is None:
                former, shown = frame, text
                frame, text = self._context.latest.next(former, POLL_INTERVAL_S), self._keys.text
                if frame is not former or text != shown:
                    image = annotate(frame, self._context.blur) if frame is not None else None
                    size = (0, 0) if image is None else image.shape[1::-1]
                    pipe.write(FRAME_HEADER.pack(*size, len(text.encode())) + text.encode())
                    pipe.write(b"" if image is None else image.data)
                    pipe.flush()
        if not self._closed.is_set():
            log.warning("%s; all else goes on", _reason_of_end(process))

    def _read_keys(self, pipe: IO[bytes]) -> None:
        for line in pipe:
            self._keys.press(line.decode(errors="replace").strip())


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


def open_window() -> "subprocess.Popen[bytes]":
    """Start the process of a window, in a session of its own: Ctrl-C is for the daemon."""
    return subprocess.Popen(
        [sys.executable, "-m", "edge.view.preview_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, **WINDOW_ENVIRONMENT},
    )


def why_no_display(process: "subprocess.Popen[bytes]") -> str:
    """Return why a window has no display; empty where there is, or none answers in time."""
    pipe = _pipe(process.stdout)
    ready, _, _ = select.select([pipe], [], [], DISPLAY_TIMEOUT_S)
    return _reason_of_end(process) if ready and not pipe.readline() else ""


def _reason_of_end(process: "subprocess.Popen[bytes]") -> str:
    """Return why the process ended by itself."""
    reason = " ".join(_pipe(process.stderr).read().decode(errors="replace").split())
    code = process.wait()
    if code != EXIT_NO_DISPLAY:
        return f"the preview window is gone ({reason or code})"
    remedy = "run it in a desktop session, or set DISPLAY"
    return f"no preview window: there is no display ({reason}); {remedy}"


class KeyHandler:
    """Turns keys into commands, and says what came of them; `status` is the daemon's latest."""

    status: DaemonStatus

    def __init__(self, context: ViewContext, clock: Callable[[], float] = time.monotonic) -> None:
        self._context, self._clock = context, clock
        self._note, self._note_until = "", 0.0

    def press(self, key: str) -> None:
        """Do what a key is for; any other does nothing."""
        status, catalog = self.status, self._context.catalog
        match key:
            case "q":
                self._submit((commands.Shutdown(), "goodbye"))
            case "space":
                paused = status.camera is CameraState.PAUSED
                self._submit((commands.Pause(paused=not paused), "resumed" if paused else "paused"))
            case "m":
                models = _rotate(sorted(catalog.models), status.model)
                self._submit(*((commands.SetModel(name), f"model {name}") for name in models))
            case "d":
                kinds = [kind for kind in catalog.detectors if kind != "auto"]
                kinds = _rotate(kinds, status.detector)
                self._submit(*((commands.SetDetector(kind), f"detector {kind}") for kind in kinds))
            case "s":
                self._save()

    @property
    def text(self) -> str:
        """The last result of a key for a while, else why nothing is seen, else what is used."""
        if self._clock() < self._note_until:
            return self._note
        if self._context.latest.newest is None:
            texts = {CameraState.PAUSED: "paused", CameraState.OFFLINE: "the camera is away"}
            return texts.get(self.status.camera, "waiting for the first frame")
        fps = f"{self._context.latest.fps:.0f} frames a second"
        return f"{self.status.model}, {self.status.detector}, {fps}"

    def _notify(self, note: str) -> None:
        self._note, self._note_until = note, self._clock() + NOTE_S

    def _submit(self, *choices: tuple[commands.Command, str]) -> None:
        """Submit a command, or the next where it fails; then show its text, or why it failed."""
        (command, text), *others = choices

        def answer(result: commands.CommandResult | CommandError) -> None:
            if isinstance(result, CommandError) and others:
                log.info("%s is passed over: %s", text, result)
                self._submit(*others)
            else:
                self._notify(str(result) if isinstance(result, CommandError) else text)

        self._context.commands.submit(CommandRequest(command, answer))

    def _save(self) -> None:
        """Write the image as it is shown into the current folder, over no other file."""
        frame = self._context.latest.newest
        if frame is None:
            self._notify("there is no image to save")
            return
        image = annotate(frame, self._context.blur)
        path = Path.cwd() / f"emotiond-{datetime.now():%Y%m%d-%H%M%S-%f}.png"
        try:
            self._context.note_image(path)
            with open(path, "xb", opener=private_opener) as file:
                file.write(cv2.imencode(".png", image)[1].tobytes())
        except OSError as error:
            self._notify(f"not saved: {error.strerror}")
            log.warning("%s: cannot be written: %s", path, error.strerror)
        else:
            self._notify(f"saved as {path.name}")
            log.info("image saved as %s", path)


def _rotate(names: list[str], current: str) -> list[str]:
    """Return the names after the current one, then those before it, and itself."""
    after = names.index(current) + 1 if current in names else 0
    return names[after:] + names[:after]
