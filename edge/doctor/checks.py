"""All checks, in order; a ConfigError or ModelError that one raises, `guarded` makes a failure."""

import http.client
import importlib
import json
import logging
import os
import re
import subprocess
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from importlib.metadata import distributions
from itertools import islice
from pathlib import Path

from edge import errors
from edge.capture import SourceSettings
from edge.capture.camera import CameraSettings
from edge.capture.picamera import PicameraSettings, find_program
from edge.capture.source import iter_frames, read_first
from edge.capture.v4l2 import processes_using
from edge.config import Config, load_config
from edge.detect import AUTO_ORDER, AutoSettings, DetectorSettings, open_detector
from edge.detect.detector import better_rotation
from edge.doctor import check_opencv, check_python, machine
from edge.errors import CheckResult, failure, ok, warning
from edge.infer.classifier import ClassifierSettings, open_classifier
from edge.paths import find_model, systemd_unit_for
from edge.secrets import redact_url
from edge.terminal import plural
from edge.tflite import MODULES, NO_DELEGATE, PACKAGES, Runtime, opened_with
from edge.types import Image
from edge.view import WebSettings, require_packages

LISTED_CAMERA = re.compile(r"^\s*(\d+) : (.+)$", re.MULTILINE)
"""A line of `rpicam-vid --list-cameras`, such as "0 : imx708 [4608x2592 10-bit] (/base...)"."""

MAX_ORIENTED_IMAGES = 50  # are searched in four orientations
ORIENTATION_TIMEOUT_S = 5.0  # without an image, after which no more is waited for
HTTP_SECONDS = 3.0  # within which whoever has the web page's port must answer

log = logging.getLogger(__name__)


def run_checks(path: Path) -> Iterator[CheckResult]:
    """Check the machine, and everything that the config at `path` names, one after another."""
    yield from guarded("user", machine.check_user(systemd_unit_for(path)))
    yield from guarded("python", check_python())
    yield from guarded("opencv", check_opencv())
    yield from guarded("cpu", machine.check_cpu())
    try:
        config = load_config(path)
    except errors.ConfigError as error:
        yield failure("config", str(error), "correct it; what it should name was not looked at")
    else:
        yield ok("config", f"{path}: can be read")
        yield from check_config(config)
    yield from guarded("clock", machine.check_clock())
    yield from guarded("temperature", machine.check_temperature())
    yield from guarded("throttling", machine.check_throttling())
    yield from guarded("systemd", machine.check_unit(path))


def check_config(config: Config) -> Iterator[CheckResult]:
    """Check all that a config names."""
    for name, camera in config.by_camera().items():
        for result in _check_camera(camera):
            yield replace(result, subject=f"{name}: {result.subject}") if name else result
    yield from guarded("state folder", check_state_folder(config.state_folder))
    for sink in config.sinks:
        yield from guarded(f"sink {sink.__struct_config__.tag}", sink.check())
    if config.preview.enabled:
        yield from guarded("window", check_window())
    if config.web.enabled:
        yield from guarded("web page", check_web(config.web))


def _check_camera(config: Config) -> Iterator[CheckResult]:
    yield from guarded("runtime", check_runtime(config.classifier.runtime))
    delegate = config.runtime
    if delegate.delegate is not None:
        results = [*guarded("delegate", check_delegate(config))]
        yield from results
        if results[0].level is not errors.Level.OK:
            delegate = NO_DELEGATE
    with opened_with(delegate):
        yield from guarded("model", check_classifier(config.classifier))
        yield from guarded("detector", check_detector(config.detector))
    yield from guarded("source", check_source(config.source))
    yield from guarded("orientation", check_orientation(config.source, config.detector))


def guarded(subject: str, results: Iterator[CheckResult]) -> Iterator[CheckResult]:
    """Pass results on; a check that raises an error is a failure and does not end the others."""
    try:
        yield from results
    except errors.ConfigError as error:
        yield failure(subject, str(error), "correct the config, or install what it names")
    except errors.ModelError as error:
        yield failure(subject, str(error), "install emotiond again, or name another model and card")
    except Exception as error:
        log.error("%s", redact_url(traceback.format_exc()))
        text = f"cannot be looked at: {type(error).__name__}: {' '.join(str(error).split())}"
        remedy = "this is a fault of emotiond's own; report it with the lines above"
        yield failure(subject, redact_url(text), remedy)


def check_runtime(chosen: Runtime) -> Iterator[CheckResult]:
    """Check that the TFLite runtime that the config asks for works; name those installed."""
    found = {one.name.replace("_", "-"): one.version for one in distributions()}
    versions = ", ".join(f"{one} {found[one]}" for one in PACKAGES.values() if one in found)
    installed = f"installed are {versions or 'none'}"
    try:
        importlib.import_module(MODULES[chosen])
    except ImportError as error:
        text = f"the runtime {chosen} cannot be loaded: {' '.join(str(error).split())}"
        yield failure("runtime", text, f"pip install {PACKAGES[chosen]}; {installed}")
    else:
        yield ok("runtime", f"{chosen} can be loaded; {installed}")


def check_delegate(config: Config) -> Iterator[CheckResult]:
    """Run the classifier on the delegate: its device answers, or it refuses."""
    with opened_with(config.runtime):
        open_classifier(config.classifier)
    yield ok("delegate", f"{config.runtime.delegate} runs the model")


def check_classifier(settings: ClassifierSettings) -> Iterator[CheckResult]:
    """Load the model: its hash and its tensors are as its card says, and its runtime runs it."""
    card = open_classifier(settings).card
    text = f"{find_model(settings.model)}: {card.name}, with the hash of its card"
    yield ok("model", f"{text}, {len(card.labels)} expressions")


def check_detector(settings: DetectorSettings) -> Iterator[CheckResult]:
    """Open the detector; the hash of files that are published or shipped is compared."""
    name = open_detector(settings).name
    if isinstance(settings, AutoSettings) and name != AUTO_ORDER[0].__struct_config__.tag:
        text = f"auto takes {name}, which finds fewer faces, as the one built in is damaged"
        yield warning("detector", text, "install emotiond again")
    else:
        yield ok("detector", f"{name} can be used")


def check_source(settings: SourceSettings) -> Iterator[CheckResult]:
    """Check the source; an image is read, but of a camera, which the daemon may be using."""
    if isinstance(settings, CameraSettings):
        yield from machine.check_camera(settings)
    elif isinstance(settings, PicameraSettings):
        yield from check_picamera(settings)
    else:
        subject = f"source {settings.location}"
        try:
            width, height = read_first(settings.open()).size
        except errors.SourceError as error:
            text, _, remedy = str(error).partition("; ")
            if not remedy and settings.is_live:
                remedy = "check the address, and whether others play it"
            path = "let `path` name a file that can be read; a service cannot read into a home"
            yield failure(subject, text, remedy or path)
        else:
            yield ok(subject, f"gives images of {width}x{height}")


def check_picamera(settings: PicameraSettings) -> Iterator[CheckResult]:
    """Check what a Raspberry Pi's camera is read through, and that it is there."""
    subject, program = f"source picamera {settings.camera}", find_program()
    try:
        backend = settings.find_backend()
        name = backend if isinstance(backend, str) else backend.__name__
        yield ok(subject, f"is read through {name}")
    except errors.SourceError as error:
        text, _, remedy = str(error).partition(": ")
        yield failure(subject, text, remedy)
    if program is not None:
        yield _check_listed(subject, settings.camera, program)


def _check_listed(subject: str, camera: int, program: str) -> CheckResult:
    try:  # by its version it lists them on standard output or error
        found = machine.output_of(program, "--list-cameras")
    except (OSError, subprocess.SubprocessError) as error:
        text = f"{program} does not list cameras: {error}"
        return failure(subject, text, f"try `{program} --list-cameras`")
    cameras = dict(LISTED_CAMERA.findall(found))
    if name := cameras.get(str(camera)):
        return ok(subject, name)
    if not cameras:
        remedy = "check the ribbon cable, and `camera_auto_detect=1` in /boot/firmware/config.txt"
        return failure(subject, "no camera is found", remedy)
    others = ", ".join(f"{number} ({name})" for number, name in cameras.items())
    return failure(subject, f"is not there; there are {others}", "set `camera` to one of them")


def check_orientation(source: SourceSettings, detector: DetectorSettings) -> Iterator[CheckResult]:
    """Search images of the source as they are and rotated; say which finds faces."""
    if isinstance(source, CameraSettings) and list(processes_using(Path(source.node))):
        return  # what another process uses is left alone
    images: list[Image] = []
    with suppress(errors.SourceError), closing(source.open()) as opened:
        frames = islice(iter_frames(opened, ORIENTATION_TIMEOUT_S), MAX_ORIENTED_IMAGES)
        images.extend(frame.image for frame in frames)
    found, better = better_rotation(open_detector(detector), images)
    text = f"of {plural(len(images), 'image')} {found[0]} show a face"
    if better is not None:
        turn = better if source.flip in {"none", "both"} else -better
        text += f", {found[better]} when rotated by {better} degrees, and there it is surer"
        remedy = f"set `rotation: {(source.rotation + turn) % 360}` in `source`"
        yield warning("orientation", text, remedy)
    elif images:
        yield ok("orientation", f"{text}; none shows it better when rotated")


def check_state_folder(folder: Path) -> Iterator[CheckResult]:
    """Check that the outbox and a pause can be kept there. Nothing stays behind."""
    try:
        nearest = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        with tempfile.TemporaryFile(dir=nearest) as file:
            file.write(bytes(65_536))  # on a full disk a file can be made, and nothing be written
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        text = f"{folder}: cannot be written into: {error.strerror}"
        remedy = (
            "make room there, give it to this user, or set `state_dir` to another; until then "
            "neither events that wait for the broker nor a pause outlive a restart"
        )
        yield warning("state folder", text, remedy)
    else:
        how = "can be written into" if nearest == folder else "is not there yet, and can be made"
        yield ok("state folder", f"{folder}: {how}")


def check_web(settings: WebSettings) -> Iterator[CheckResult]:
    """Check that the web page can be served as it is set."""
    require_packages("web")
    from edge.view.web.auth import TokenAuth
    from edge.view.web.server import listen

    alone = "is for this machine alone, without a token"
    yield ok("web page", "asks for its token" if TokenAuth(settings).needs_token else alone)
    address = f"{settings.host}:{settings.port}"
    try:
        listen(settings).close()
        yield ok("web page", f"{address} is free")
    except errors.EmotiondError as error:
        health = _health(settings.port)
        if health is None:
            yield failure("web page", str(error), "`ss -ltnp` tells what uses it")
        else:
            yield ok("web page", f"is served at {address} at this moment")
            if health != "ok":
                yield warning("web page", f"the daemon says: {health}", machine.CAMERA_REMEDY)


def _health(port: int) -> str | None:
    """Return the health of a daemon there, such as the one that runs with this very config."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=HTTP_SECONDS)) as connection:
        try:
            connection.request("GET", "/healthz")
            return str(json.load(connection.getresponse())["status"])
        except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError):
            return None


def check_window() -> Iterator[CheckResult]:
    """Check that there is what draws the preview window, and a display that it finds."""
    from edge.view.preview import open_window, why_no_display

    require_packages("preview")
    with open_window() as process:
        reason = why_no_display(process)
        process.kill()
    remedy = "all else goes on without it"
    yield warning("window", reason, remedy) if reason else ok("window", "has a display")
