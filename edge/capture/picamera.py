"""Picamera source: the ribbon-cable camera of a Raspberry Pi, through one of two backends."""

import importlib
import os
import shutil
from enum import StrEnum
from types import ModuleType
from typing import Annotated, ClassVar, Literal

import msgspec

from edge.capture.picamera2 import Picamera2Source
from edge.capture.rpicam import SubprocessMjpegSource
from edge.errors import SourceError

PROGRAMS = ("rpicam-vid", "libcamera-vid")
"""Name of the capture program on Raspberry Pi OS since Bookworm, and its name before."""

JPEG_QUALITY = 80
"""1-100; the program's own default is 50, and a face is read by its fine detail."""


class PicameraBackend(StrEnum):
    """Software that reads the camera."""

    AUTO = "auto"
    PROGRAM = "rpicam-vid"
    BINDING = "picamera2"


class PicameraSettings(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="picamera"
):
    """A camera and the image asked of it; one that cannot gives the nearest it has.

    Attributes:
        camera: its number, as `rpicam-hello --list-cameras` counts.
        rotation: 180 for a camera that hangs upside down.
        through: the backend; `auto` takes Picamera2 where it can be imported, else the program.
    """

    is_live: ClassVar[Literal[True]] = True

    camera: Annotated[int, msgspec.Meta(ge=0, le=255)] = 0
    width: Annotated[int, msgspec.Meta(ge=64, le=7680)] = 640
    height: Annotated[int, msgspec.Meta(ge=64, le=4320)] = 480
    fps: Annotated[int, msgspec.Meta(ge=1, le=240)] = 30
    rotation: Literal[0, 180] = 0
    through: PicameraBackend = PicameraBackend.AUTO

    @property
    def location(self) -> str:
        """Number of the camera."""
        return str(self.camera)

    def open(self) -> Picamera2Source | SubprocessMjpegSource:
        """Open the camera.

        Raises:
            SourceError: the backend is not installed, or cannot open it.
        """
        library = None if self.through is PicameraBackend.PROGRAM else _import_picamera2()
        if library is not None:
            size, upside_down = (self.width, self.height), self.rotation == 180
            return Picamera2Source(library, self.camera, size, self.fps, upside_down)
        if self.through is PicameraBackend.BINDING:
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
    return [
        "--nopreview",
        "--flush",
        *("--timeout", "0"),
        *("--camera", str(settings.camera)),
        *("--width", str(settings.width)),
        *("--height", str(settings.height)),
        *("--framerate", str(settings.fps)),
        *("--rotation", str(settings.rotation)),
        *("--codec", "mjpeg"),
        *("--quality", str(JPEG_QUALITY)),
        *("--output", "-"),
    ]


def _import_picamera2() -> ModuleType | None:
    try:
        return importlib.import_module("picamera2")
    except Exception:  # built for another NumPy, it fails with more than ImportError
        return None
