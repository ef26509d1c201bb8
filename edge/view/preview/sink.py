"""The preview window as a sink."""

import importlib.util
import logging
import os
import subprocess
import sys
from contextlib import suppress
from threading import Event, Thread

from edge.errors import ConfigError
from edge.service.commands import CommandQueue
from edge.types import AnalyzedFrame, DaemonStatus, Image, SinkRecord
from edge.view.preview.key_handler import KeyHandler
from edge.view.preview.protocol import HEAD, NO_DISPLAY
from edge.view.preview.render import render_window
from edge.view.view_context import ViewContext

LOOK_SECONDS = 0.25
"""Between two looks at what is to be told, while no scene comes."""

CLASS = ("SDL_VIDEO_X11_WMCLASS", "SDL_VIDEO_WAYLAND_WMCLASS")
"""Where SDL looks for the name by which a desktop knows the program that has a window."""

log = logging.getLogger(__name__)


class PreviewSink:
    """Shows the annotated picture on this machine's own screen, and takes keys.

    The window itself is a process of its own (`edge.view.preview.process`). Where there is no
    display, or it goes away, the log says so, and the daemon goes on without.

    Args:
        outlook: what is shown.
        desk: where it hands in what keys ask for.

    Raises:
        ConfigError: the package that draws it is not installed.
    """

    dropped = 0
    status_text: str | None = None

    def __init__(self, outlook: ViewContext, desk: CommandQueue) -> None:
        if importlib.util.find_spec("pygame") is None:
            raise ConfigError(
                "the preview window needs pygame-ce, which is not installed; "
                "pip install 'emotiond[preview]', or view.window: false"
            )
        self._outlook = outlook
        self._operator = KeyHandler(outlook, desk)
        self._closed = Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = Thread(target=self._run, name="window", daemon=True)

    def start(self) -> None:
        """Open it."""
        # Of a session of its own: Ctrl-C in the terminal is for the daemon.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "edge.view.preview.process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, **dict.fromkeys(CLASS, "emotiond")},
        )
        self._thread.start()
        Thread(target=self._listen, name="window-keys", daemon=True).start()

    def publish(self, record: SinkRecord) -> None:
        """Take note of how the daemon is set; what is seen comes from the showcase."""
        if isinstance(record, DaemonStatus):
            self._operator.status = record

    def close(self, timeout: float) -> None:
        """Close it."""
        self._closed.set()
        if self._process is None:
            return
        self._thread.join(timeout)
        try:
            self._process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _run(self) -> None:
        """Show what is new until it is closed, from here or by what holds it."""
        seen, told = None, None
        with suppress(BrokenPipeError):
            while not self._closed.is_set():
                scene = self._outlook.showcase.next(seen, LOOK_SECONDS)
                text = self._operator.text
                if scene is not seen or text != told or told is None:
                    self._show(scene)
                seen, told = scene, text
        self._end()

    def _show(self, scene: AnalyzedFrame | None) -> None:
        picture = render_window(scene, self._outlook, self._operator.text)
        self._send(picture)

    def _send(self, picture: Image) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        height, width = picture.shape[:2]
        self._process.stdin.write(HEAD.pack(width, height))
        self._process.stdin.write(picture.tobytes())
        self._process.stdin.flush()

    def _end(self) -> None:
        """Let the window go; where it went by itself, say why."""
        assert self._process is not None
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        if self._closed.is_set():
            return
        code = self._process.wait()
        assert self._process.stderr is not None
        said = " ".join(self._process.stderr.read().decode(errors="replace").split())
        if code == NO_DISPLAY:
            log.warning(
                "no preview window: there is no display (%s); run it in a desktop session, or set "
                "DISPLAY; all else goes on",
                said,
            )
        else:
            log.warning("the preview window is gone (%s); all else goes on", said or code)

    def _listen(self) -> None:
        """Carry out what keys ask for."""
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._operator.press(line.decode(errors="replace").strip())
