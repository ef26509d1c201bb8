"""Where frames come from: cameras, streams, video files and pictures."""

from edge.capture.camera import CameraSettings, open_camera
from edge.capture.images import Images, ImagesSettings
from edge.capture.picamera import PicameraSettings, open_picamera
from edge.capture.reconnect import Reconnecting
from edge.capture.source import EndOfStream, LiveSource, Source
from edge.capture.stream import StreamSettings, open_stream
from edge.capture.video import Video, VideoSettings

SourceSettings = CameraSettings | PicameraSettings | StreamSettings | VideoSettings | ImagesSettings

__all__ = ["EndOfStream", "LiveSource", "Source", "SourceSettings", "is_live", "open_source"]


def is_live(settings: SourceSettings) -> bool:
    """Tell whether frames come whether or not they are read, so that a late one is dropped."""
    return isinstance(settings, CameraSettings | PicameraSettings | StreamSettings)


def open_source(settings: SourceSettings) -> Source:
    """Return the source that `settings` describe; live ones reconnect by themselves."""
    match settings:
        case CameraSettings():
            return Reconnecting(f"camera {settings.device}", lambda: open_camera(settings))
        case PicameraSettings():
            return Reconnecting(f"picamera {settings.camera}", lambda: open_picamera(settings))
        case StreamSettings():
            return Reconnecting(f"stream {settings.safe_url}", lambda: open_stream(settings))
        case VideoSettings():
            return Video(settings)
        case ImagesSettings():
            return Images(settings)
