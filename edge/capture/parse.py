"""Places to collect from, as they are written on a command line."""

from pathlib import Path
from typing import TypeVar

import msgspec

from edge.capture import SourceSettings
from edge.capture.camera import CameraSettings
from edge.capture.images import SUFFIXES, ImagesSettings
from edge.capture.picamera import PicameraSettings
from edge.capture.stream import StreamSettings
from edge.capture.video import VideoSettings
from edge.config_errors import format_validation_error
from edge.errors import ConfigError

Settings = TypeVar("Settings", CameraSettings, StreamSettings)


def parse_source_arg(text: str) -> SourceSettings:
    """Return the settings of what a command line names.

    That is a camera (0, /dev/video0, picamera), a stream's address, a film or pictures.

    A film is played as fast as it can be read: its faces lie apart by its own clock.

    Raises:
        ConfigError: there is no such camera number or kind of address.
    """
    path = Path(text)
    if text.isdecimal():
        return _checked(CameraSettings, device=int(text))
    if text.startswith("/dev/"):
        return CameraSettings(device=text)
    if text == "picamera":
        return PicameraSettings()
    if "://" in text:
        return _checked(StreamSettings, url=text)
    if path.is_dir() or path.suffix.lower() in SUFFIXES:
        return ImagesSettings(path)
    return VideoSettings(path, pace=False)


def _checked(kind: type[Settings], **values: object) -> Settings:
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise ConfigError(
            f"--source: {format_validation_error(str(error), values, kind)}"
        ) from error
