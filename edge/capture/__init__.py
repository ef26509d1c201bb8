"""Frame sources, one a file, and the registry that opens them by their settings."""

from typing import get_args

from edge.capture.camera import CameraSettings
from edge.capture.images import ImagesSettings
from edge.capture.picamera import PicameraSettings
from edge.capture.reconnect import ReconnectingSource
from edge.capture.source import EndOfStream, LiveSource, Source
from edge.capture.stream import StreamSettings
from edge.capture.video import VideoSettings

SourceSettings = CameraSettings | PicameraSettings | StreamSettings | VideoSettings | ImagesSettings
"""Registry of the sources; settings tell whether a source `is_live` and its `location`."""

__all__ = ["EndOfStream", "LiveSource", "Source", "SourceSettings", "open_source", "source_kinds"]


def source_kinds() -> tuple[str, ...]:
    """Return what the kinds of source are called in a config."""
    return tuple(str(kind.__struct_config__.tag) for kind in get_args(SourceSettings))


def open_source(settings: SourceSettings) -> Source:
    """Return the source that `settings` describe; a live one reconnects by itself."""
    if settings.is_live:
        name = f"{settings.__struct_config__.tag} {settings.location}"
        return ReconnectingSource(name, settings.open, settings=settings)
    return settings.open()
