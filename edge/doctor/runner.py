"""All that is looked at, in order."""

import logging
import traceback
from collections.abc import Iterator
from pathlib import Path

from edge.config import Config, load_config, state_folder
from edge.doctor.broker import examine_brokers
from edge.doctor.clock import examine_clock
from edge.doctor.models import examine_classifier, examine_detector
from edge.doctor.opencv import examine_opencv
from edge.doctor.processor import examine_processor
from edge.doctor.python import examine_python
from edge.doctor.result import CheckResult, Level
from edge.doctor.runtime import examine_runtime
from edge.doctor.source import examine_source
from edge.doctor.state import examine_state
from edge.doctor.throttling import examine_temperature, examine_throttling
from edge.doctor.unit import examine_unit
from edge.doctor.user import examine_user
from edge.doctor.web import examine_web
from edge.doctor.window import examine_window
from edge.errors import ConfigError
from edge.paths import systemd_unit_for
from edge.publish import MqttSettings
from edge.secrets import redact_url

log = logging.getLogger(__name__)


def run_checks(path: Path) -> Iterator[CheckResult]:
    """Look at everything that the config at `path` needs; each finding comes as it is made."""
    yield from guarded("user", examine_user(systemd_unit_for(path)))
    yield from guarded("python", examine_python())
    yield from guarded("opencv", examine_opencv())
    yield from guarded("processor", examine_processor())
    yield from _examine_named(path)
    yield from guarded("clock", examine_clock())
    yield from guarded("temperature", examine_temperature())
    yield from guarded("throttling", examine_throttling())
    yield from guarded("systemd", examine_unit(path))


def _examine_named(path: Path) -> Iterator[CheckResult]:
    """Look at the config and all that it names."""
    try:
        config = load_config(path)
    except ConfigError as error:
        remedy = "correct it; what it should name was not looked at"
        yield CheckResult(Level.FAILURE, "config", str(error), remedy)
        return
    yield CheckResult(Level.OK, "config", f"{path}: can be read")
    yield from guarded("runtime", examine_runtime(config.classifier.runtime))
    yield from guarded("model", examine_classifier(config.classifier))
    yield from guarded("detector", examine_detector(config.detector))
    yield from guarded("source", examine_source(config.source))
    yield from guarded("state folder", examine_state(state_folder(config)))
    yield from guarded("brokers", _examine_sinks(config))
    if config.view.window:
        yield from guarded("window", examine_window())
    if config.view.web:
        yield from guarded("web page", examine_web(config.web))


def _examine_sinks(config: Config) -> Iterator[CheckResult]:
    for settings in config.sinks:
        if isinstance(settings, MqttSettings):
            yield from examine_brokers(settings)


def guarded(subject: str, findings: Iterator[CheckResult]) -> Iterator[CheckResult]:
    """Pass findings on; a subject that fails unexpectedly is one, and does not end the others."""
    try:
        yield from findings
    except Exception as error:
        log.error("%s", redact_url(traceback.format_exc()))
        text = f"cannot be looked at: {type(error).__name__}: {' '.join(str(error).split())}"
        remedy = "this is a fault of emotiond's own; report it with the lines above"
        yield CheckResult(Level.FAILURE, subject, redact_url(text), remedy)
