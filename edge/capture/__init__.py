"""Frame sources, one a file, and the registry that opens them by their settings."""

import re
from pathlib import Path
from typing import get_args

from edge.capture.camera import CameraSettings
from edge.capture.images import SUFFIXES, ImagesSettings
from edge.capture.picamera import PicameraSettings
from edge.capture.reconnect import ReconnectingSource
from edge.capture.source import EndOfStream, LiveSource, Source
from edge.capture.stream import StreamSettings
from edge.capture.video import VideoSettings

SourceSettings = CameraSettings | PicameraSettings | StreamSettings | VideoSettings | ImagesSettings
"""Registry of the sources. Settings tell whether a source `is_live`, its `location`, and `open` it.
"""

__all__ = [
    "EndOfStream",
    "LiveSource",
    "Source",
    "SourceSettings",
    "expand_source",
    "open_source",
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


def expand_source(text: str, folder: Path = Path()) -> dict[str, object]:
    """Return the config section of the source that a short text means, as plain values.

    That is a camera (0, /dev/video0), the URL of a stream, the path of images or of a video. A
    word that is no file is a kind, so that a misspelled one is refused.

    Args:
        text: as a person types it.
        folder: what a relative path is taken from.
    """
    path = folder / Path(text).expanduser()
    if text.isdecimal():
        return {"kind": "camera", "device": int(text)}
    if text.startswith("/dev/"):
        return {"kind": "camera", "device": text}
    if "://" in text:
        return {"kind": "stream", "url": text}
    if path.is_dir() or path.suffix.lower() in SUFFIXES:
        return {"kind": "images", "path": text}
    if re.fullmatch(r"\w+", text) and not path.exists():
        return {"kind": text}
    return {"kind": "video", "path": text}
