"""`emotiond homeassistant`: the discovery message that Home Assistant knows the device by."""

import argparse
from contextlib import closing

from edge.commands.common import add_config, add_subcommand, mqtt_sinks
from edge.config import load_config
from edge.errors import EmotiondError, ExitCode
from edge.publish import MqttSettings
from edge.publish.homeassistant import discovery_topic
from edge.publish.mqtt.client import BrokerError
from edge.publish.mqtt.session import connect_any
from edge.publish.mqtt.settings import HomeAssistantSettings


def add_homeassistant_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the one action, with its options."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    text = "let Home Assistant forget the device and all its entities"
    add_config(add_subcommand(actions, "remove", homeassistant, text))


def homeassistant(options: argparse.Namespace) -> ExitCode:
    """Clear the retained discovery messages of all MQTT sinks."""
    sinks = mqtt_sinks(load_config(options.config))
    for settings in sinks:
        print(f"{_clear(settings)}; Home Assistant forgets the device", flush=True)
    if any(settings.homeassistant for settings in sinks):
        print(
            "a running daemon announces it again when it next connects, "
            "unless its config says `homeassistant: null`"
        )
    return ExitCode.OK


def _clear(settings: MqttSettings) -> str:
    """Clear the discovery message that the broker retains; say where.

    Raises:
        EmotiondError: no broker is there, or none lets this client do so.
    """
    # Whoever has just taken `homeassistant` out of the config wants to clear up after it.
    announced = settings.homeassistant or HomeAssistantSettings()
    topic = discovery_topic(announced, settings.root)
    with closing(connect_any(settings, "remove")) as session:
        try:
            session.publish_and_wait(topic, b"", retain=True)
        except BrokerError as error:
            raise EmotiondError(f"broker {session.address}: {error}") from error
        return f"{topic}: cleared at {session.address}"
