"""Stream source: a camera behind a network address."""

from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import quote, urlsplit

import cv2
import msgspec

from edge.capture.camera import OpenCVSource
from edge.errors import ConfigError, SourceError
from edge.secrets import SecretRef, redact_url
from edge.types import KindSettings

OPEN_TIMEOUT_MS = 5000
READ_TIMEOUT_MS = 2000


class StreamSettings(KindSettings, frozen=True, tag="stream"):
    """An RTSP or HTTP stream (MJPEG, HLS).

    Attributes:
        url: its address. User and password in it can be read by everybody who reads the config.
        user, password: credentials, instead of those in `url`.
    """

    is_live: ClassVar[Literal[True]] = True

    url: Annotated[str, msgspec.Meta(pattern="^(rtsp|rtsps|http|https)://.+")]
    user: str | None = None
    password: SecretRef | None = None

    def __post_init__(self) -> None:
        address = urlsplit(self.url)  # raises ValueError where it is no address
        if self.password is not None and self.user is None:
            raise ValueError("Expected `user` beside `password`")
        if self.user is not None and "@" in address.netloc:
            raise ValueError("Expected a user in `url` or beside it, not both")

    @property
    def location(self) -> str:
        """Address without user, password and query, as it may be logged."""
        return redact_url(self.url).partition("?")[0]

    def redacted(self) -> Self:
        """Return a copy without the user, in the address and beside it."""
        user = None if self.user is None else "(hidden)"
        return msgspec.structs.replace(self, url=redact_url(self.url), user=user)

    @property
    def full_url(self) -> str:
        """Address with user and password.

        Raises:
            ConfigError: the password is not where it should be.
        """
        if self.user is None:
            return self.url
        scheme, _, rest = self.url.partition("//")
        password = f":{quote(self.password.resolve(), safe='')}" if self.password else ""
        return f"{scheme}//{quote(self.user, safe='')}{password}@{rest}"

    def open(self) -> OpenCVSource:
        """Open the stream.

        Raises:
            SourceError: nothing answers, it is no video, or the password cannot be read.
        """
        try:
            url = self.full_url
        except ConfigError as error:
            raise SourceError(str(error)) from error
        limits = [
            *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_TIMEOUT_MS),
            *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT_MS),
        ]
        return OpenCVSource(cv2.VideoCapture(url, cv2.CAP_FFMPEG, limits))
