"""Picamera source: the ribbon-cable camera of a Raspberry Pi, through one of two backends.

One is the program rpicam-vid, which writes MJPEG to its standard output; the other Picamera2, the
Python binding. The latter's use was written from its source and its own tests (0.3.20 and later,
which end a wait for a camera that hangs); it was tested with a stand-in and on no hardware.
"""

import importlib
import os
import re
import shutil
import signal
import time
from collections import deque
from contextlib import suppress
from functools import partial
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired
from threading import Thread
from types import ModuleType
from typing import Annotated, Any, Literal

import msgspec
import numpy as np

from edge.capture.camera import MjpegParser, decode_jpeg
from edge.capture.source import MAX_WAIT, Fps, Height, LiveSettings, LiveSource, Width, as_readonly
from edge.errors import SourceError
from edge.pipeline.worker import BoundedQueue, QueueClosed
from edge.types import Frame

PROGRAMS = ("rpicam-vid", "libcamera-vid")  # on Raspberry Pi OS since Bookworm, and before
JPEG_QUALITY = 80  # 1-100; the program's own default is 50, and a face is read by its fine detail
START_TIMEOUT, FRAME_TIMEOUT = 10.0, 2.0  # seconds to the first image and to a next, else it hangs
TERMINATE_TIMEOUT = 1.0  # seconds to end in when the program is asked to, and again when killed
CHUNK_BYTES, STDERR_CHUNK_BYTES, STDERR_CHUNKS = 1 << 16, 1024, 4  # read; kept of stderr
Backend = Literal["auto", "rpicam-vid", "picamera2"]


class PicameraSettings(LiveSettings, frozen=True, tag="picamera"):
    """A camera and the image asked of it; one that cannot gives the nearest it has.

    Attributes:
        camera: its number, as `rpicam-hello --list-cameras` counts.
        backend: `auto` takes Picamera2 where it can be imported, else the program.
    """

    camera: Annotated[int, msgspec.Meta(ge=0, le=255)] = 0
    width: Width = 640
    height: Height = 480
    fps: Fps = 30
    backend: Backend = "auto"

    @property
    def location(self) -> str:
        """Number of the camera."""
        return str(self.camera)

    def find_backend(self) -> ModuleType | str:
        """Return the module Picamera2, or the path of the program; a SourceError without any."""
        if self.backend != "rpicam-vid":
            with suppress(Exception):  # one built for another NumPy fails with any error
                return importlib.import_module("picamera2")
        if self.backend == "picamera2":
            how = "sudo apt install python3-picamera2, and a virtual environment made with"
            how += " --system-site-packages; or set `backend: rpicam-vid`"
            raise SourceError(f"picamera2 cannot be imported: {how}")
        if program := find_program():
            return program
        expected = " or ".join(PROGRAMS)
        raise SourceError(f"expected {expected}, found none: sudo apt install rpicam-apps")

    def open(self) -> LiveSource:
        """Open the camera; a SourceError where the backend is missing, or cannot open it."""
        backend = self.find_backend()
        if isinstance(backend, ModuleType):
            return Picamera2Source(backend, self)
        return SubprocessMjpegSource([backend, *arguments(self)])


def find_program() -> str | None:
    """Return the path of the capture program."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


def arguments(settings: PicameraSettings) -> list[str]:
    """Return the arguments with which rpicam-vid captures without end to its standard output.

    MJPEG and not YUV, though it costs more: raw images come padded as each model and kernel likes,
    and nothing says how (https://github.com/raspberrypi/rpicam-apps/issues/857).
    """
    image = f"--width {settings.width} --height {settings.height}"
    camera = f"--camera {settings.camera} --framerate {settings.fps} --timeout 0"
    output = f"--nopreview --flush --codec mjpeg --quality {JPEG_QUALITY} --output -"
    return f"{camera} {image} {output}".split()


class Picamera2Source:
    """Live source whose frames are not compressed on their way here."""

    online = True

    def __init__(self, library: ModuleType, settings: PicameraSettings) -> None:
        self._index = 0
        self._camera: Any = None
        # RGB888 lies in memory as blue, green, red.
        main = {"format": "RGB888", "size": (settings.width, settings.height)}
        controls = {"FrameDurationLimits": (round(1_000_000 / settings.fps),) * 2}
        try:
            self._camera = camera = library.Picamera2(settings.camera)
            camera.configure(camera.create_video_configuration(main=main, controls=controls))
            camera.start()
        except Exception as error:  # libcamera's errors are of many kinds
            self.close()
            raise SourceError(f"picamera2: {error or type(error).__name__}") from error

    def read(self) -> Frame:
        """Return the next frame."""
        try:
            image = self._camera.capture_array("main", wait=FRAME_TIMEOUT)
        except TimeoutError:
            raise SourceError(f"picamera2 gave no image for {FRAME_TIMEOUT:.0f} s") from None
        except Exception as error:
            raise SourceError(f"picamera2: {error or type(error).__name__}") from error
        now = time.monotonic()
        self._index += 1
        image = as_readonly(np.ascontiguousarray(image))
        return Frame(image, self._index - 1, timestamp=now, captured=now)

    def skip(self) -> None:
        """Drop the next frame."""
        self.read()

    def close(self) -> None:
        """Release the camera, even one that hangs."""
        camera, self._camera = self._camera, None
        for step in (camera.cancel_all_and_flush, camera.close) if camera else ():
            with suppress(Exception):  # one that was unplugged cannot be closed in order
                step()


class SubprocessMjpegSource:
    """Newest image of a program, each stamped with the time at which it was complete.

    A thread reads without pause, so that neither the pipe nor the program behind it holds old ones.
    """

    online = True

    def __init__(self, command: list[str]) -> None:
        self._name = Path(command[0]).name
        try:
            # In a session of its own, so that Ctrl-C at a terminal does not reach it.
            self._process = Popen(command, 0, None, DEVNULL, PIPE, PIPE, start_new_session=True)
        except OSError as error:
            raise SourceError(f"{command[0]} cannot be started: {error.strerror}") from error
        self._jpegs = BoundedQueue[tuple[bytes, float]](1, lossless=False)
        self._stderr = deque[bytes](maxlen=STDERR_CHUNKS)
        self._index, self._deadline = 0, time.monotonic() + START_TIMEOUT
        assert self._process.stdout
        assert self._process.stderr
        self._pipes = self._process.stdout, self._process.stderr
        said = iter(partial(self._pipes[1].read, STDERR_CHUNK_BYTES), b"")
        works = self._read_images, partial(self._stderr.extend, said)
        self._threads = [Thread(target=work, name=self._name, daemon=True) for work in works]
        for thread in self._threads:
            thread.start()

    def read(self) -> Frame | None:
        """Return the newest image that was not yet read, or None when none came for a while."""
        newest = self._take()
        if newest is None:
            return None
        image = decode_jpeg(newest[0])
        self._deadline = time.monotonic() + FRAME_TIMEOUT
        self._index += 1
        return Frame(image, self._index - 1, timestamp=newest[1], captured=newest[1])

    def skip(self) -> None:
        """Drop the next image, as `read`; it is not decoded."""
        self._take()

    def close(self) -> None:
        """End the program, with what it started, its threads and its pipes."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._process.poll() is None:
                os.killpg(self._process.pid, number)
            # One that waits inside the kernel cannot be killed: it is left behind.
            with suppress(TimeoutExpired):
                self._process.wait(TERMINATE_TIMEOUT)
                break
        for thread, pipe in zip(self._threads, self._pipes, strict=True):
            thread.join(TERMINATE_TIMEOUT)
            if not thread.is_alive():
                pipe.close()

    def _take(self) -> tuple[bytes, float] | None:
        """Wait a while for a JPEG that was not yet taken; return it with its time."""
        try:
            newest = self._jpegs.get(MAX_WAIT)
        except QueueClosed:
            how = "closed its output"
            with suppress(TimeoutExpired):
                how = f"ended with exit code {self._process.wait(TERMINATE_TIMEOUT)}"
                self._threads[1].join(TERMINATE_TIMEOUT)
            raise SourceError(f"{self._name} {how}{self._reason()}") from None
        if newest is None and time.monotonic() >= self._deadline:
            limit = FRAME_TIMEOUT if self._index else START_TIMEOUT
            raise SourceError(f"{self._name} gave no image for {limit:.0f} s{self._reason()}")
        return newest

    def _reason(self) -> str:
        """Return the last line on standard error that names an error, else the last line."""
        text = re.sub(r"\x1b\[[0-9;]*m", "", b"".join(self._stderr).decode(errors="replace"))
        lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
        errors = [line for line in lines if "ERROR" in line]
        return f": {(errors or lines)[-1][:200]}" if lines else ""

    def _read_images(self) -> None:
        parser, stdout = MjpegParser(), self._pipes[0]
        while data := stdout.read(CHUNK_BYTES):
            if jpeg := parser.feed(data):
                self._jpegs.put((jpeg, time.monotonic()))
        self._jpegs.close()
