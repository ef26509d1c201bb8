"""MJPEG source: a program that captures video and writes it to its standard output as MJPEG."""

import os
import re
import selectors
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

import cv2
import numpy as np

from edge.capture.source import as_readonly
from edge.errors import SourceError
from edge.types import Frame, Image

JPEG_START, JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
"""Between the tables of a JPEG and its end, an FF is followed by 00 or a restart marker (ITU-T
T.81, B.1.1.5), so neither occurs inside one that carries no other, such as a thumbnail."""

JPEG_SIZE = re.compile(rb"\xff[\xc0-\xc2]\x00.\x08(..)(..)", re.DOTALL)
"""Frame header of a JPEG (ITU-T T.81, B.2.2): height and width, two bytes each."""

MAX_JPEG_BYTES, MAX_PIXELS = 1 << 24, 7680 * 4320
"""The largest image that a config may ask for, and more bytes than it takes at the best quality."""

START_TIMEOUT = 10.0
"""Seconds until the first image: a camera's driver, its tuning and its exposure take a few."""

FRAME_TIMEOUT = 2.0
"""Seconds without an image after which the program is assumed to hang."""

MAX_WAIT = 0.5
"""Longest single wait, in seconds, so that a stop is answered soon."""

TERMINATE_TIMEOUT = 1.0
"""Seconds that the program has to end when it is asked to, and again when it is killed."""

CHUNK_BYTES, STDERR_TAIL_BYTES = 1 << 16, 4096
"""Capacity of a pipe, and how much of the end of standard error is kept."""


class MjpegParser:
    """Splits a stream into JPEGs and keeps the newest; what is cut short is skipped."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> bytes | None:
        """Add the next bytes of the stream; return the last JPEG that they complete, if any."""
        searched = max(0, len(self._buffer) - 1)
        self._buffer += data
        end = self._buffer.rfind(JPEG_END, searched)
        if end < 0:
            if len(self._buffer) > MAX_JPEG_BYTES:
                self._buffer.clear()
            return None
        start = self._buffer.rfind(JPEG_START, 0, end)
        jpeg = bytes(self._buffer[start : end + len(JPEG_END)]) if start >= 0 else None
        del self._buffer[: end + len(JPEG_END)]
        return jpeg


def decode_jpeg(data: bytes) -> Image | None:
    """Return the image, BGR uint8 (height, width, 3), or None where it is none or too large."""
    size = JPEG_SIZE.search(data)
    if not size:
        return None
    height, width = (int.from_bytes(side) for side in size.groups())
    if height * width > MAX_PIXELS:
        return None
    try:
        image = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return None if image is None else np.asarray(image, dtype=np.uint8)


class SubprocessMjpegSource:
    """Newest image of a program, each stamped with the time at which it was complete.

    A thread reads without pause whether or not anybody takes the images, so that neither the pipe
    nor the program behind it holds old ones.

    Raises:
        SourceError: `command` cannot be started; in `environment`, or the present one.
    """

    online = True

    def __init__(self, command: list[str], environment: dict[str, str] | None = None) -> None:
        self._name = Path(command[0]).name
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env=environment,
                start_new_session=True,  # so that Ctrl-C at a terminal does not reach it
            )
        except OSError as error:
            raise SourceError(f"{command[0]} cannot be started: {error.strerror}") from error
        self._parser = MjpegParser()
        self._changed = threading.Condition()
        self._newest: tuple[bytes, float] | None = None
        self._ended = False
        self._stderr_tail = b""
        self._index = 0
        self._deadline = time.monotonic() + START_TIMEOUT
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._read_pipes, name=self._name, daemon=True)
        self._thread.start()

    def read(self) -> Frame | None:
        """Return the newest image that was not yet read, or None when none came for a while.

        Raises:
            SourceError: the program ended or fell silent.
        """
        newest = self._take_newest()
        image = decode_jpeg(newest[0]) if newest else None
        if newest is None or image is None:
            self._check_alive()
            return None
        self._deadline = time.monotonic() + FRAME_TIMEOUT
        self._index += 1
        return Frame(as_readonly(image), self._index - 1, timestamp=newest[1], captured=newest[1])

    def skip(self) -> None:
        """Drop the next image, as `read`; it is not decoded."""
        if self._take_newest() is None:
            self._check_alive()

    def close(self) -> None:
        """End the program, its thread and its pipes."""
        self._closing.set()
        for end in (self._process.terminate, self._process.kill):
            end()
            # One that waits inside the kernel cannot be killed: it is left behind.
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(TERMINATE_TIMEOUT)
                break
        self._thread.join()
        for pipe in self._pipes():
            pipe.close()

    def _take_newest(self) -> tuple[bytes, float] | None:
        """Wait a while for a JPEG that was not yet taken; return it with its time."""
        with self._changed:
            self._changed.wait_for(lambda: self._newest or self._ended, MAX_WAIT)
            newest, self._newest = self._newest, None
        if newest is None and self._ended:
            how = "closed its output"
            with suppress(subprocess.TimeoutExpired):
                how = f"ended with exit code {self._process.wait(TERMINATE_TIMEOUT)}"
            raise SourceError(f"{self._name} {how}{self._stderr_reason()}")
        return newest

    def _check_alive(self) -> None:
        if time.monotonic() >= self._deadline:
            limit = FRAME_TIMEOUT if self._index else START_TIMEOUT
            reason = self._stderr_reason()
            raise SourceError(f"{self._name} gave no picture for {limit:.0f} s{reason}")

    def _stderr_reason(self) -> str:
        """Return the last line that names an error, else the last line."""
        text = re.sub(r"\x1b\[[0-9;]*m", "", self._stderr_tail.decode(errors="replace"))
        lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
        errors = [line for line in lines if "ERROR" in line]
        return f": {(errors or lines)[-1][:200]}" if lines else ""

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        assert self._process.stdout
        assert self._process.stderr
        return self._process.stdout, self._process.stderr

    def _read_pipes(self) -> None:
        """Read both pipes until they end or the source is closed."""
        stdout, stderr = self._pipes()
        with selectors.DefaultSelector() as selector:
            for pipe in (stdout, stderr):
                selector.register(pipe, selectors.EVENT_READ)
            while selector.get_map() and not self._closing.is_set():
                for key, _ in selector.select(MAX_WAIT):
                    data = os.read(key.fd, CHUNK_BYTES)
                    if key.fileobj is stderr:
                        self._stderr_tail = (self._stderr_tail + data)[-STDERR_TAIL_BYTES:]
                    elif jpeg := self._parser.feed(data):
                        with self._changed:
                            self._newest = jpeg, time.monotonic()
                            self._changed.notify_all()
                    if not data:
                        selector.unregister(key.fileobj)
        with self._changed:
            self._ended = True
            self._changed.notify_all()
