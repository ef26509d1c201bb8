"""Checks of what the config names beside source and sinks: models, state folder, views."""

import errno
import http.client
import importlib
import importlib.util
import os
import tempfile
from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from edge.detect import AUTO_ORDER, AutoSettings, DetectorSettings, open_detector
from edge.doctor import CheckResult, failure, ok, warning
from edge.errors import ConfigError, EmotiondError, ModelError
from edge.infer.classifier import ClassifierSettings, open_classifier
from edge.paths import find_model
from edge.tflite import MODULES, PACKAGES, Runtime
from edge.view import WebSettings

# Models.

MODEL_REMEDIES = {
    ConfigError: "correct the config, or install what it names",
    ModelError: "install emotiond again, or name another model with its card",
}


def check_runtime(chosen: Runtime) -> Iterator[CheckResult]:
    """Check that the TFLite runtime that the config asks for works; name those installed."""
    versions = []
    for package in PACKAGES.values():
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            versions.append(f"{package} not")
    installed = f"installed are {', '.join(versions)}"
    try:
        importlib.import_module(MODULES[chosen])
    except ImportError as error:
        text = f"the runtime {chosen} cannot be loaded: {' '.join(str(error).split())}"
        yield failure("runtime", text, f"pip install {PACKAGES[chosen]}; {installed}")
    else:
        yield ok("runtime", f"{chosen} can be loaded; {installed}")


def check_classifier(settings: ClassifierSettings) -> Iterator[CheckResult]:
    """Load the model: its hash and its tensors are as its card says, and its runtime runs it."""
    try:
        card = open_classifier(settings).card
    except (ConfigError, ModelError) as error:
        yield failure("model", str(error), MODEL_REMEDIES[type(error)])
        return
    text = f"{find_model(settings.model)}: {card.name}, with the hash of its card"
    yield ok("model", f"{text}, {len(card.labels)} expressions")


def check_detector(settings: DetectorSettings) -> Iterator[CheckResult]:
    """Open the detector; the hash of files that are published or shipped is compared."""
    if isinstance(settings, AutoSettings):
        yield _check_auto_detector()
        return
    try:
        name = open_detector(settings).name
    except (ConfigError, ModelError) as error:
        yield failure("detector", str(error), MODEL_REMEDIES[type(error)])
    else:
        yield ok("detector", f"{name} can be used")


def _check_auto_detector() -> CheckResult:
    """Say which detector is available. The first is built in, so any other stands in for it."""
    errors: list[str] = []
    for settings_class in AUTO_ORDER:
        try:
            name = settings_class().open().name
        except (ConfigError, ModelError) as error:
            errors.append(str(error))
            continue
        if errors:
            text = f"auto takes {name}, which finds fewer faces: {errors[0]}"
            return warning("detector", text, "install emotiond again")
        return ok("detector", f"auto takes {name}")
    return failure("detector", "; ".join(errors), "install emotiond again")


# State folder: what outlives a restart.

SAMPLE_BYTES = 65_536
"""What must fit: a file can be made on a full disk, and nothing be written into it."""

STATE_REMEDY = (
    "make room there, give it to this user, or set `state_dir` to another; until then neither "
    "events that wait for the broker nor a pause outlive a restart"
)


def check_state_folder(folder: Path) -> Iterator[CheckResult]:
    """Check that the outbox and a pause can be kept there. Nothing stays behind."""
    try:
        yield ok("state folder", f"{folder}: {_try_folder(folder)}")
    except OSError as error:
        text = f"{folder}: cannot be written into: {error.strerror}"
        yield warning("state folder", text, STATE_REMEDY)


def _try_folder(folder: Path) -> str:
    """Write into the folder, or see whether it could be made; say which.

    Raises:
        OSError: neither can be done.
    """
    nearest = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if nearest != folder:
        if not os.access(nearest, os.W_OK | os.X_OK):
            text = f"it is not there, and cannot be made in {nearest}"
            raise PermissionError(errno.EACCES, text)
        return "is not there yet, and can be made"
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(SAMPLE_BYTES))
        file.flush()
        os.fsync(file.fileno())
    return "can be written into"


# Views.

WEB_PACKAGES = ("starlette", "uvicorn", "httptools", "prometheus_client")
"""What serving the web page imports."""

HTTP_SECONDS = 3.0
"""How long whoever has the web page's port may take to answer."""

DISPLAYS = ("WAYLAND_DISPLAY", "DISPLAY")
"""Variables that name the display of a desktop session."""

GRAPHICS_CARDS = Path("/dev/dri")
"""Where the kernel shows screens that may be drawn on without a desktop."""


def check_web(settings: WebSettings) -> Iterator[CheckResult]:
    """Check that the web page can be served as it is set."""
    missing = [name for name in WEB_PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        text = f"is not installed: {', '.join(missing)}"
        remedy = "pip install 'emotiond[web]', or set `web.enabled: false`"
        yield failure("web page", text, remedy)
        return
    yield _check_web_token(settings)
    yield _check_web_port(settings)


def _check_web_token(settings: WebSettings) -> CheckResult:
    from edge.view.web.auth import open_token_auth

    try:
        auth = open_token_auth(settings)
    except ConfigError as error:
        return failure("web page", str(error), "correct `web`, or what it names")
    if auth.token:
        return ok("web page", "asks for its token")
    return ok("web page", "is for this machine alone, without a token")


def _check_web_port(settings: WebSettings) -> CheckResult:
    from edge.view.web.server import listen

    address = f"{settings.host}:{settings.port}"
    try:
        listen(settings).close()
    except EmotiondError as error:
        if _is_daemon(settings.port):
            return ok("web page", f"is served at {address} at this moment")
        return failure("web page", str(error), "`ss -ltnp` tells what uses it")
    return ok("web page", f"{address} is free")


def _is_daemon(port: int) -> bool:
    """Tell whether a daemon answers there, such as the one that runs with this very config."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=HTTP_SECONDS)) as connection:
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().read().startswith(b'{"status":')
        except (OSError, http.client.HTTPException):
            return False


def check_window() -> Iterator[CheckResult]:
    """Check that there is what draws the preview window, and a screen to draw it on."""
    display = next((name for name in DISPLAYS if os.environ.get(name)), None)
    cards = sorted(GRAPHICS_CARDS.glob("card*"))
    if importlib.util.find_spec("pygame") is None:
        remedy = "pip install 'emotiond[preview]', or set `preview.enabled: false`"
        yield failure("window", "pygame-ce is not installed", remedy)
    elif display is not None:
        yield ok("window", f"is drawn on {display}={os.environ[display]}")
    elif cards:
        yield ok("window", f"is drawn on {cards[0]}, as there is no desktop here")
    else:
        remedy = "run in a desktop session, or set DISPLAY; all else goes on without it"
        yield warning("window", "there is no screen to draw it on", remedy)
