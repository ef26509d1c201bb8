"""A camera behind a network address."""

from typing import Annotated
from urllib.parse import urlsplit

import cv2
import msgspec

from edge.capture.live import LiveCapture
from edge.credentials import without_credentials

OPEN_TIMEOUT_MS = 5000
READ_TIMEOUT_MS = 2000


class StreamSettings(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="stream"
):
    """An RTSP or HTTP stream (MJPEG, HLS); the address may hold a user and password."""

    url: Annotated[str, msgspec.Meta(pattern="^(rtsp|rtsps|http|https)://.+")]

    @property
    def safe_url(self) -> str:
        """The address without user, password and query, as it may be logged."""
        return without_credentials(self.url).partition("?")[0]

    def __post_init__(self) -> None:
        urlsplit(self.url)  # raises ValueError where it is no address


def open_stream(settings: StreamSettings) -> LiveCapture:
    """Open the stream.

    Raises:
        SourceError: nothing answers, or it is no video.
    """
    limits = [
        *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_TIMEOUT_MS),
        *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT_MS),
    ]
    return LiveCapture(cv2.VideoCapture(settings.url, cv2.CAP_FFMPEG, limits))
