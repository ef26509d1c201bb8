"""A program that films, and writes what it sees to its standard output as MJPEG."""

import os
import re
import selectors
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from edge.capture.mjpeg import MjpegParser, decode_jpeg
from edge.capture.source import frozen
from edge.errors import SourceError
from edge.pipeline.worker import BoundedQueue, QueueClosed
from edge.types import Frame

START_LIMIT = 10.0
"""Seconds until the first picture: a camera's driver, its tuning and its exposure take a few."""

SILENCE = 2.0
"""Seconds without a picture after which the program is taken for hung."""

WAIT = 0.5
"""Longest single wait, in seconds, so that a stop is answered soon."""

PATIENCE = 1.0
"""Seconds that the program has to end when it is asked to, and again when it is killed."""

CHUNK = 1 << 16
"""What a pipe holds, in bytes."""

LAST_WORDS = 4096
"""How much of what it says is kept, in bytes."""


class SubprocessMjpegSource:
    """The newest picture of a program, each stamped with the time at which it was whole.

    A thread reads without a break whether or not anybody takes the pictures, so that neither the
    pipe nor the program behind it holds old ones.

    Args:
        command: the program and its arguments.
        environment: of the program; None hands on one's own.

    Raises:
        SourceError: it cannot be started.
    """

    online = True

    def __init__(self, command: list[str], environment: dict[str, str] | None = None) -> None:
        self._name = Path(command[0]).name
        self._process = _start(command, environment)
        self._cutter = MjpegParser()
        self._pictures: BoundedQueue[tuple[bytes, float]] = BoundedQueue(1, lossless=False)
        self._words = b""
        self._index = 0
        self._deadline = time.monotonic() + START_LIMIT
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._listen, name=self._name, daemon=True)
        self._thread.start()

    def read(self) -> Frame | None:
        """Return the newest picture that was not yet read, or None when none came for a while.

        Raises:
            SourceError: the program ended or fell silent.
        """
        picture = self._next()
        image = decode_jpeg(picture[0]) if picture else None
        if picture is None or image is None:
            self._expect_alive()
            return None
        self._deadline = time.monotonic() + SILENCE
        self._index += 1
        return Frame(frozen(image), self._index - 1, timestamp=picture[1], captured=picture[1])

    def skip(self) -> None:
        """Let the next picture pass; it is not decoded.

        Raises:
            SourceError: the program ended or fell silent.
        """
        if self._next() is None:
            self._expect_alive()

    def close(self) -> None:
        """End the program, its thread and its pipes."""
        self._closing.set()
        for end in (self._process.terminate, self._process.kill):
            end()
            # One that waits inside the kernel cannot be killed: it is left behind.
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(PATIENCE)
                break
        self._thread.join()
        for pipe in self._pipes():
            pipe.close()

    def _next(self) -> tuple[bytes, float] | None:
        try:
            return self._pictures.get(WAIT)
        except QueueClosed:
            raise SourceError(self._end()) from None

    def _expect_alive(self) -> None:
        if time.monotonic() < self._deadline:
            return
        limit = SILENCE if self._index else START_LIMIT
        raise SourceError(f"{self._name} gave no picture for {limit:.0f} s{self._reason()}")

    def _end(self) -> str:
        """Say how the program ended."""
        try:
            code = self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            return f"{self._name} closed its output{self._reason()}"
        return f"{self._name} ended with exit code {code}{self._reason()}"

    def _reason(self) -> str:
        """Return the last line that names an error, else the last line."""
        text = re.sub(r"\x1b\[[0-9;]*m", "", self._words.decode(errors="replace"))
        lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
        errors = [line for line in lines if "ERROR" in line]
        return f": {(errors or lines)[-1][:200]}" if lines else ""

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        assert self._process.stdout
        assert self._process.stderr
        return self._process.stdout, self._process.stderr

    def _listen(self) -> None:
        """Take what comes on both pipes until they end or the source is closed."""
        output, words = self._pipes()
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ, self._take_pictures)
            selector.register(words, selectors.EVENT_READ, self._take_words)
            while selector.get_map() and not self._closing.is_set():
                for key, _ in selector.select(WAIT):
                    data = os.read(key.fd, CHUNK)
                    key.data(data)
                    if not data:
                        selector.unregister(key.fileobj)
        self._pictures.close()

    def _take_pictures(self, data: bytes) -> None:
        picture = self._cutter.feed(data)
        if picture:
            self._pictures.put((picture, time.monotonic()))

    def _take_words(self, data: bytes) -> None:
        self._words = (self._words + data)[-LAST_WORDS:]


def _start(command: list[str], environment: dict[str, str] | None) -> subprocess.Popen[bytes]:
    """Start the program, in a session of its own so that Ctrl-C at a terminal is not for it."""
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        raise SourceError(f"{command[0]} cannot be started: {error.strerror}") from error
