"""Picamera source: the ribbon-cable camera of a Raspberry Pi, through one of two backends.

One is the program rpicam-vid, the other Picamera2, the Python binding. The latter's use was written
from its source and its own tests (0.3.20 and later, which end a wait for a camera that hangs); it
was tested with a stand-in and on no hardware.
"""

import importlib
import os
import shutil
import time
from contextlib import suppress
from enum import StrEnum
from types import ModuleType
from typing import Annotated, Any, ClassVar, Literal

import msgspec
import numpy as np

from edge.capture.rpicam import SubprocessMjpegSource
from edge.capture.source import as_readonly
from edge.errors import SourceError
from edge.types import Frame, KindSettings

PROGRAMS = ("rpicam-vid", "libcamera-vid")
"""Name of the capture program on Raspberry Pi OS since Bookworm, and its name before."""

JPEG_QUALITY = 80
"""1-100; the program's own default is 50, and a face is read by its fine detail."""

FRAME_TIMEOUT = 2.0
"""Seconds without a frame after which the camera is assumed to hang."""


class PicameraBackend(StrEnum):
    """Software that reads the camera."""

    AUTO = "auto"
    PROGRAM = "rpicam-vid"
    BINDING = "picamera2"


class PicameraSettings(KindSettings, frozen=True, tag="picamera"):
    """A camera and the image asked of it; one that cannot gives the nearest it has.

    Attributes:
        camera: its number, as `rpicam-hello --list-cameras` counts.
        rotation: 180 for a camera that hangs upside down.
        backend: `auto` takes Picamera2 where it can be imported, else the program.
    """

    is_live: ClassVar[Literal[True]] = True

    camera: Annotated[int, msgspec.Meta(ge=0, le=255)] = 0
    width: Annotated[int, msgspec.Meta(ge=64, le=7680)] = 640
    height: Annotated[int, msgspec.Meta(ge=64, le=4320)] = 480
    fps: Annotated[int, msgspec.Meta(ge=1, le=240)] = 30
    rotation: Literal[0, 180] = 0
    backend: PicameraBackend = PicameraBackend.AUTO

    @property
    def location(self) -> str:
        """Number of the camera."""
        return str(self.camera)

    def open(self) -> "Picamera2Source | SubprocessMjpegSource":
        """Open the camera.

        Raises:
            SourceError: the backend is not installed, or cannot open it.
        """
        library: ModuleType | None = None
        if self.backend is not PicameraBackend.PROGRAM:
            with suppress(Exception):  # one built for another NumPy fails with any error
                library = importlib.import_module("picamera2")
        if library is not None:
            return Picamera2Source(library, self)
        if self.backend is PicameraBackend.BINDING:
            raise SourceError(
                "picamera2 cannot be imported: sudo apt install python3-picamera2, and a virtual "
                "environment made with --system-site-packages"
            )
        program = find_program()
        if program is None:
            expected = " or ".join(PROGRAMS)
            raise SourceError(f"expected {expected}, found none: sudo apt install rpicam-apps")
        environment = {**os.environ, "LIBCAMERA_LOG_NO_COLOR": "1"}
        return SubprocessMjpegSource([program, *arguments(self)], environment)


def find_program() -> str | None:
    """Return the path of the capture program, None where there is none."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


def arguments(settings: PicameraSettings) -> list[str]:
    """Return the arguments with which rpicam-vid captures without end to its standard output.

    MJPEG and not YUV, though it costs more to make and to read: raw images come as they lie in
    memory, with rows and ends padded as each model and kernel likes, and nothing says how
    (https://github.com/raspberrypi/rpicam-apps/issues/857).
    """
    image = f"--width {settings.width} --height {settings.height} --rotation {settings.rotation}"
    camera = f"--camera {settings.camera} --framerate {settings.fps} --timeout 0"
    output = f"--nopreview --flush --codec mjpeg --quality {JPEG_QUALITY} --output -"
    return f"{camera} {image} {output}".split()


class Picamera2Source:
    """Live source whose frames are not compressed on their way here.

    Raises:
        SourceError: the camera is absent or in use.
    """

    online = True

    def __init__(self, library: ModuleType, settings: PicameraSettings) -> None:
        self._index = 0
        self._camera: Any = None
        try:
            self._camera = library.Picamera2(settings.camera)
            self._camera.configure(_configuration(self._camera, settings))
            self._camera.start()
        except Exception as error:  # libcamera's errors are of many kinds
            self.close()
            raise SourceError(f"picamera2: {error or type(error).__name__}") from error

    def read(self) -> Frame:
        """Return the next frame; a SourceError tells that the camera fell silent or failed."""
        try:
            image = self._camera.capture_array("main", wait=FRAME_TIMEOUT)
        except TimeoutError:
            raise SourceError(f"picamera2 gave no picture for {FRAME_TIMEOUT:.0f} s") from None
        except Exception as error:
            raise SourceError(f"picamera2: {error or type(error).__name__}") from error
        now = time.monotonic()
        self._index += 1
        image = as_readonly(np.ascontiguousarray(image))
        return Frame(image, self._index - 1, timestamp=now, captured=now)

    def skip(self) -> None:
        """Drop the next frame; it costs as much as to read it."""
        self.read()

    def close(self) -> None:
        """Release the camera, even one that hangs."""
        camera, self._camera = self._camera, None
        if camera is None:
            return
        for step in (camera.cancel_all_and_flush, camera.close):
            with suppress(Exception):  # one that was unplugged cannot be closed in order
                step()


def _configuration(camera: Any, settings: PicameraSettings) -> Any:
    """Return Picamera2's configuration; its RGB888 lies in memory as blue, green, red."""
    duration = round(1_000_000 / settings.fps)
    configuration = camera.create_video_configuration(
        main={"format": "RGB888", "size": (settings.width, settings.height)},
        controls={"FrameDurationLimits": (duration, duration)},
    )
    if settings.rotation == 180:
        transform = importlib.import_module("libcamera").Transform
        configuration["transform"] = transform(hflip=1, vflip=1)
    return configuration
