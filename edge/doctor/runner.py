"""All checks, in order."""

import logging
import traceback
from collections.abc import Iterator
from pathlib import Path

from edge.config import load_config, state_folder
from edge.doctor import CheckResult, failure, ok
from edge.doctor.components import (
    check_brokers,
    check_classifier,
    check_detector,
    check_runtime,
    check_state_folder,
    check_web,
    check_window,
)
from edge.doctor.machine import (
    check_clock,
    check_cpu,
    check_temperature,
    check_throttling,
    check_unit,
    check_user,
)
from edge.doctor.packages import check_opencv, check_python
from edge.doctor.source import check_source
from edge.errors import ConfigError
from edge.paths import systemd_unit_for
from edge.publish import MqttSettings
from edge.secrets import redact_url

log = logging.getLogger(__name__)


def run_checks(path: Path) -> Iterator[CheckResult]:
    """Check the machine, and everything that the config at `path` names, one after another."""
    yield from guarded("user", check_user(systemd_unit_for(path)))
    yield from guarded("python", check_python())
    yield from guarded("opencv", check_opencv())
    yield from guarded("processor", check_cpu())
    yield from check_config(path)
    yield from guarded("clock", check_clock())
    yield from guarded("temperature", check_temperature())
    yield from guarded("throttling", check_throttling())
    yield from guarded("systemd", check_unit(path))


def check_config(path: Path) -> Iterator[CheckResult]:
    """Check that the config can be read, and all that it names."""
    try:
        config = load_config(path)
    except ConfigError as error:
        yield failure("config", str(error), "correct it; what it should name was not looked at")
        return
    yield ok("config", f"{path}: can be read")
    yield from guarded("runtime", check_runtime(config.classifier.runtime))
    yield from guarded("model", check_classifier(config.classifier))
    yield from guarded("detector", check_detector(config.detector))
    yield from guarded("source", check_source(config.source))
    yield from guarded("state folder", check_state_folder(state_folder(config)))
    for sink in config.sinks:
        if isinstance(sink, MqttSettings):
            yield from guarded("brokers", check_brokers(sink))
    if config.preview.enabled:
        yield from guarded("window", check_window())
    if config.web.enabled:
        yield from guarded("web page", check_web(config.web))


def guarded(subject: str, results: Iterator[CheckResult]) -> Iterator[CheckResult]:
    """Pass results on; a check that fails unexpectedly is a failure and does not end the others."""
    try:
        yield from results
    except Exception as error:
        log.error("%s", redact_url(traceback.format_exc()))
        text = f"cannot be looked at: {type(error).__name__}: {' '.join(str(error).split())}"
        remedy = "this is a fault of emotiond's own; report it with the lines above"
        yield failure(subject, redact_url(text), remedy)
