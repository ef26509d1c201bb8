"""Settings of the views, and what each view is given to show."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

import msgspec

from edge.pipeline.latest_frame import LatestFrame
from edge.secrets import SecretRef
from edge.service.commands import Catalog
from edge.types import AnalyzedFrame, Image


class PrivacyBlur(StrEnum):
    """What is hidden in every image that is shown or leaves the process."""

    NONE = "none"
    FACES = "faces"
    FRAME = "frame"


class PreviewSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The preview window on this machine's own screen.

    Attributes:
        enabled: whether it is shown.
    """

    enabled: bool = False


class WebSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the web page is served, and to whom.

    Attributes:
        enabled: whether it is served; images leave the process by it.
        host: the address it listens on; one that others can reach needs a token.
        port: 0 takes a free one.
        token: whoever has it may look and give commands; None: whoever is on this machine.
        max_viewers: how many may watch the live stream at a time.
    """

    enabled: bool = False
    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8080
    token: SecretRef | None = None
    max_viewers: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10

    def without_service_secrets(self) -> "WebSettings":
        """Return it for this machine alone, where the token is a credential of systemd."""
        if self.token is None or self.token.credential is None:
            return self
        return msgspec.structs.replace(self, token=None, host="127.0.0.1")


@dataclass(frozen=True, slots=True)
class ViewContext:
    """What a view shows, and how.

    Attributes:
        latest: holds the newest analyzed frame.
        blur: what is hidden in it.
        analyze: analyzes a still image with the present config; it may take a second, and any
            thread may call it.
        catalog: what commands may choose from.
    """

    latest: LatestFrame
    blur: PrivacyBlur
    analyze: Callable[[Image], AnalyzedFrame]
    catalog: Catalog = field(default_factory=Catalog)
