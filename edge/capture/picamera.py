"""The camera of a Raspberry Pi, at its ribbon cable."""

import importlib
import os
import shutil
from enum import StrEnum
from types import ModuleType
from typing import Annotated, Literal

import msgspec

from edge.capture.picamera2 import Picamera2Capture
from edge.capture.rpicam import SubprocessMjpegSource
from edge.errors import SourceError

PROGRAMS = ("rpicam-vid", "libcamera-vid")
"""What films on Raspberry Pi OS since Bookworm, and what it was called before."""

QUALITY = 80
"""Of the JPEGs, 1-100; the program's own choice is 50, and a face is read by its fine detail."""


class PicameraBackend(StrEnum):
    """What stands between the camera and us."""

    AUTO = "auto"
    PROGRAM = "rpicam-vid"
    BINDING = "picamera2"


class PicameraSettings(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="picamera"
):
    """A camera and the picture asked of it; one that cannot gives the nearest it has.

    Attributes:
        camera: its number, as `rpicam-hello --list-cameras` counts.
        rotation: 180 for a camera that hangs upside down.
        through: `auto` takes Picamera2 where it can be imported, else the program.
    """

    camera: Annotated[int, msgspec.Meta(ge=0, le=255)] = 0
    width: Annotated[int, msgspec.Meta(ge=64, le=7680)] = 640
    height: Annotated[int, msgspec.Meta(ge=64, le=4320)] = 480
    fps: Annotated[int, msgspec.Meta(ge=1, le=240)] = 30
    rotation: Literal[0, 180] = 0
    through: PicameraBackend = PicameraBackend.AUTO


def open_picamera(settings: PicameraSettings) -> Picamera2Capture | SubprocessMjpegSource:
    """Open the camera.

    Raises:
        SourceError: what it is to be opened through is not installed, or cannot open it.
    """
    binding = None if settings.through is PicameraBackend.PROGRAM else _import_binding()
    if binding is not None:
        size = settings.width, settings.height
        turned = settings.rotation == 180
        return Picamera2Capture(binding, settings.camera, size, settings.fps, turned)
    if settings.through is PicameraBackend.BINDING:
        raise SourceError(
            "picamera2 cannot be imported: sudo apt install python3-picamera2, and a virtual "
            "environment made with --system-site-packages"
        )
    program = find_program()
    if program is None:
        expected = " or ".join(PROGRAMS)
        raise SourceError(f"expected {expected}, found none: sudo apt install rpicam-apps")
    environment = {**os.environ, "LIBCAMERA_LOG_NO_COLOR": "1"}
    return SubprocessMjpegSource([program, *arguments(settings)], environment)


def find_program() -> str | None:
    """Return where the program is that films, None where there is none."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


def arguments(settings: PicameraSettings) -> list[str]:
    """Return what rpicam-vid is told, so that it films without an end into its standard output.

    MJPEG and not YUV, though it costs more to make and to read: raw pictures come as they lie in
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
        *("--quality", str(QUALITY)),
        *("--output", "-"),
    ]


def _import_binding() -> ModuleType | None:
    try:
        return importlib.import_module("picamera2")
    except Exception:  # built for another NumPy, it fails with more than ImportError
        return None
