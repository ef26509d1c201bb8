"""Frame sources, one a file, and the registry that opens them by their settings."""

from pathlib import Path
from typing import get_args

import msgspec

from edge.capture.camera import CameraSettings
from edge.capture.images import SUFFIXES, ImagesSettings
from edge.capture.picamera import PicameraSettings
from edge.capture.reconnect import ReconnectingSource
from edge.capture.source import EndOfStream, LiveSource, Source
from edge.capture.stream import StreamSettings
from edge.capture.video import VideoSettings
from edge.config_errors import format_validation_error
from edge.errors import ConfigError

SourceSettings = CameraSettings | PicameraSettings | StreamSettings | VideoSettings | ImagesSettings
"""Registry of the sources. Settings tell whether a source `is_live`, its `location`, and `open` it.
"""

__all__ = [
    "EndOfStream",
    "LiveSource",
    "Source",
    "SourceSettings",
    "open_source",
    "parse_source_arg",
    "source_kinds",
]


def source_kinds() -> tuple[str, ...]:
    """Return what the kinds of source are called in a config."""
    return tuple(str(kind.__struct_config__.tag) for kind in get_args(SourceSettings))


def open_source(settings: SourceSettings) -> Source:
    """Return the source that `settings` describe; a live one reconnects by itself."""
    if settings.is_live:
        name = f"{settings.__struct_config__.tag} {settings.location}"
        return ReconnectingSource(name, settings.open)
    return settings.open()


def parse_source_arg(text: str) -> SourceSettings:
    """Return the settings of the source that a command line names.

    That is a camera (0, /dev/video0), a kind that needs no settings (picamera), the URL of a
    stream, or the path of a video or images. A video is read as fast as possible.

    Raises:
        ConfigError: there is no such camera number or kind of URL.
    """
    path = Path(text)
    fields: dict[str, object]
    if text.isdecimal():
        fields = {"kind": "camera", "device": int(text)}
    elif text.startswith("/dev/"):
        fields = {"kind": "camera", "device": text}
    elif text in source_kinds():
        fields = {"kind": text}
    elif "://" in text:
        fields = {"kind": "stream", "url": text}
    elif path.is_dir() or path.suffix.lower() in SUFFIXES:
        fields = {"kind": "images", "path": path}
    else:
        fields = {"kind": "video", "path": path, "pace": False}
    try:
        settings: SourceSettings = msgspec.convert(fields, SourceSettings)
    except msgspec.ValidationError as error:
        reason = format_validation_error(str(error), fields, SourceSettings)  # type: ignore[arg-type]
        raise ConfigError(f"--source: {reason}") from error
    return settings
