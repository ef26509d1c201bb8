"""Options and settings of the subcommands that reach the brokers of a config."""

import argparse

import msgspec

from edge.config import Config
from edge.errors import ConfigError
from edge.publish import MqttSettings
from edge.publish.mqtt.settings import Name


def mqtt_sinks(config: Config) -> tuple[MqttSettings, ...]:
    """Return the MQTT sinks of a config, at least one.

    Raises:
        ConfigError: there is none.
    """
    sinks = tuple(sink for sink in config.sinks if isinstance(sink, MqttSettings))
    if not sinks:
        raise ConfigError("sinks: expected an MQTT sink, found none; add `{kind: mqtt}`")
    return sinks


def device_name(text: str) -> str:
    """Parse the name of a device."""
    try:
        return msgspec.convert(text, Name)
    except msgspec.ValidationError as error:
        raise argparse.ArgumentTypeError(
            f"expected at most 64 letters, digits, - and _, found {text!r}"
        ) from error


def any_device(text: str) -> str:
    """Parse the name of a device, or + for all."""
    return text if text == "+" else device_name(text)
