"""All that is looked at, in order."""

from collections.abc import Iterator
from pathlib import Path

from edge.config import load_config, state_folder
from edge.doctor.broker import examine_brokers
from edge.doctor.finding import Finding, Level
from edge.doctor.state import examine_state
from edge.errors import ConfigError
from edge.publish import MqttSettings


def examine(path: Path) -> Iterator[Finding]:
    """Look at everything that the config at `path` needs; each finding comes as it is made."""
    try:
        config = load_config(path)
    except ConfigError as error:
        yield Finding(Level.FAILURE, "config", str(error), "correct it; nothing else was looked at")
        return
    yield Finding(Level.OK, "config", f"{path}: can be read")
    yield from examine_state(state_folder(config))
    for settings in config.sinks:
        if isinstance(settings, MqttSettings):
            yield from examine_brokers(settings)
