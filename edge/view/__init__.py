"""Views of what is analyzed: a preview window, a web page, annotated images.

Here are their settings, which open them, and what each is given to show.
"""

import importlib.util
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec

from edge.errors import ConfigError
from edge.paths import UPLOADS, extra_remedy
from edge.pipeline.worker import LatestFrame
from edge.publish import Sink
from edge.secrets import SecretRef
from edge.service.commands import Catalog, CommandQueue
from edge.types import DISK, AnalyzedFrame, DataFlow, GrayImage, Image

PACKAGES = {
    "preview": ("pygame",),
    "web": ("starlette", "uvicorn", "httptools", "prometheus_client", "ruamel"),
}
"""Packages that a view imports, by the name of its section in the config and of its extra."""


class PrivacyBlur(StrEnum):
    """Blur of every image that is shown or leaves the process."""

    NONE = "none"
    FACES = "faces"
    FRAME = "frame"


@dataclass(frozen=True, slots=True)
class CameraView:
    """Newest frame of one camera, and how faces are blurred in it."""

    latest: LatestFrame
    blur: PrivacyBlur


@dataclass(frozen=True, slots=True)
class ViewContext:
    """Sources of what a view shows, and what is done with it.

    `analyze` and `crop` look at a still image with the present config, which may take a second; any
    thread may call them. `crop` returns the largest face as a classifier sees it.
    """

    latest: LatestFrame
    commands: CommandQueue  # of whoever looks
    blur: PrivacyBlur
    analyze: Callable[[Image], AnalyzedFrame]
    catalog: Catalog = field(default_factory=Catalog)
    note_image: Callable[[Path], None] = lambda path: None  # called before one is written
    is_only_sink: bool = False  # the config asks for nothing but this view
    device: str = "emotiond"
    event_files: tuple[Path, ...] = ()  # that events are appended to
    cameras: Mapping[str, CameraView] = field(default_factory=dict)  # of several, at this moment
    camera: str = ""  # the one that this is of; empty: of the only one, or of all
    config_path: Path = Path()
    state: Path = Path()  # the state folder
    options: Callable[[], list[str]] = list  # of `emotiond video`, so that it does as the daemon
    crop: Callable[[Image], GrayImage | None] = lambda image: None

    def of_camera(self, name: str) -> "ViewContext | None":
        """Return the context of one of several cameras as it is now; None where there is none."""
        view = self.cameras.get(name)
        if view is None:
            return None
        device = f"{self.device}/{name}"
        return replace(self, latest=view.latest, blur=view.blur, device=device, camera=name)

    @property
    def is_current(self) -> bool:
        """Tell whether its camera is there, and still to be shown as it says."""
        present = self.cameras.get(self.camera)
        return not self.camera or present == CameraView(self.latest, self.blur)


class PreviewSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The preview window on this machine's own screen."""

    enabled: bool = False

    def data_flows(self, allow_snapshots: bool) -> Iterator[DataFlow]:
        """Yield what the window shows."""
        if self.enabled:
            who = "whoever sits before it"
            yield DataFlow("images", "live, in a window", who, "its screen", False)
            what, kept = "one, by the window's key s", "as retention says"
            yield DataFlow("images", what, DISK, "the current folder", False, kept)

    def open(self, context: ViewContext) -> Sink:
        """Return the window, not yet shown; a ConfigError tells what is not installed."""
        from edge.view.preview import PreviewSink

        require_packages("preview")
        return PreviewSink(context)


class WebSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Address of the web page, and who may use it.

    Attributes:
        enabled: whether images leave the process by it.
        host: the address it listens on; one that others can reach needs a token.
        port: 0 takes a free one.
        token: whoever has it may look and give commands; None: whoever is on this machine.
        max_viewers: how many may watch the live stream at a time.
        quit_button: whether the page can end the daemon, as that of `emotiond app` can.
        faces: the folder that labeled faces may be collected in; null: none may be.
    """

    enabled: bool = False
    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8080
    token: SecretRef | None = None
    max_viewers: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10
    quit_button: bool = False
    faces: Path | None = None

    def without_service_secrets(self) -> "WebSettings":
        """Return it for this machine alone, where the token is a credential of systemd."""
        if self.token is None or self.token.credential is None:
            return self
        return msgspec.structs.replace(self, token=None, host="127.0.0.1")

    def data_flows(self, allow_snapshots: bool) -> Iterator[DataFlow]:
        """Yield what the page shows."""
        if self.enabled:
            who = "whoever has the token" if self.token else "whoever is on this machine"
            where = f"http://{self.host}:{self.port}"
            leaves = self.host not in {"127.0.0.1", "::1", "localhost"}
            yield DataFlow("images", "live, on the web page", who, where, leaves)
            yield DataFlow("images", "one of another camera, in its guide", who, where, leaves)
            yield DataFlow("events", "faces in view and events", who, where, leaves)
            yield DataFlow("numbers", "statistics of the daemon", who, where, leaves)
            what, kept = "videos uploaded to the page, annotated copies", "an hour"
            yield DataFlow("images", what, DISK, f"{UPLOADS} in the state folder", False, kept)
            if self.faces is not None:
                what, kept = "faces collected on the page", "as retention says"
                yield DataFlow("images", what, DISK, str(self.faces), False, kept)

    def open(self, context: ViewContext) -> Sink:
        """Return the web page; a ConfigError: its packages are missing, or others could open it."""
        require_packages("web")
        from edge.view.web.server import WebServer

        return WebServer(self, context)


def require_packages(view: str) -> None:
    """Raise a ConfigError where what a view of `PACKAGES` imports is not installed."""
    missing = [one for one in PACKAGES[view] if importlib.util.find_spec(one) is None]
    if missing:
        raise ConfigError(
            f"`{view}` needs packages that are not installed: {', '.join(missing)}; "
            f"{extra_remedy(view)}, or {view}.enabled: false"
        )
