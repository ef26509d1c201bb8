"""`emotiond run`, `check`, `doctor` and `homeassistant`: the daemon, and what its service needs."""

import argparse
from contextlib import closing

import msgspec

from edge.commands.common import add_config, add_subcommand, mqtt_sinks
from edge.config import Config, load_config
from edge.errors import EmotiondError, ExitCode
from edge.pipeline.build import validate_components
from edge.publish import MqttSettings
from edge.publish.homeassistant import discovery_topic
from edge.publish.mqtt.client import BrokerError
from edge.publish.mqtt.session import connect_any
from edge.publish.mqtt.settings import HomeAssistantSettings
from edge.service import daemon
from edge.terminal import print_json, print_line
from edge.view import PreviewSettings


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `run`."""
    add_config(parser)
    parser.add_argument(
        "--preview", action="store_true", help="show a window, whatever the config says"
    )
    parser.add_argument(
        "--web", action="store_true", help="serve the web page, whatever the config says"
    )


def run(options: argparse.Namespace) -> ExitCode:
    """Run the daemon; the options override the config at every reload, too."""

    def adjust(config: Config) -> Config:
        return msgspec.structs.replace(
            config,
            preview=PreviewSettings(enabled=options.preview or config.preview.enabled),
            web=msgspec.structs.replace(config.web, enabled=options.web or config.web.enabled),
        )

    return daemon.run(options.config, adjust)


add_check_arguments = add_config


def check(options: argparse.Namespace) -> ExitCode:
    """Build everything that the config names, and start none of it.

    Secrets that systemd gives to the running service alone, not even to its ExecReload=, are left
    out.
    """
    config = load_config(options.config)
    sinks = tuple(sink.without_service_secrets() for sink in config.sinks)
    web = config.web.without_service_secrets()
    parts = validate_components(msgspec.structs.replace(config, sinks=sinks, web=web))
    print_line(
        f"{options.config}: sound; it uses the model {config.classifier.model.name} "
        f"and the detector {parts.processing.scheduler.detector}"
    )
    return ExitCode.OK


def add_doctor_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `doctor`."""
    add_config(parser)
    parser.add_argument("--json", action="store_true", help="print the results as a JSON list")


def doctor(options: argparse.Namespace) -> ExitCode:
    """Print every check's result; fail where a check failed."""
    from edge.doctor.checks import run_checks
    from edge.errors import Level

    results = []
    for result in run_checks(options.config):
        results.append(result)
        if not options.json:
            print_line(str(result))
    if options.json:
        print_json(msgspec.json.encode(results))
    failed = any(result.level is Level.FAILURE for result in results)
    return ExitCode.FAULT if failed else ExitCode.OK


def add_homeassistant_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the one action of `homeassistant`."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", help="what to do")
    text = "let Home Assistant forget the device and all its entities"
    remove = add_subcommand(actions, "remove", homeassistant, text)
    add_config(remove)
    text = "clear the state, statistics and availability that the broker retains, too"
    remove.add_argument("--retained", action="store_true", help=text)


def homeassistant(options: argparse.Namespace) -> ExitCode:
    """Clear what the brokers of all MQTT sinks retain: the discovery message, or all of it."""
    sinks = mqtt_sinks(load_config(options.config))
    for settings in sinks:
        cleared = _clear_retained(settings, options.retained)
        print_line(f"{cleared}; Home Assistant forgets the device")
    if any(settings.homeassistant for settings in sinks):
        print_line(
            "a running daemon announces it again when it next connects, "
            "unless its config says `homeassistant: null`"
        )
    return ExitCode.OK


def _clear_retained(settings: MqttSettings, everything: bool) -> str:
    """Clear the discovery message that the broker retains, or everything; return what and where.

    Raises:
        EmotiondError: no broker is there, or none lets this client do so.
    """
    # Whoever has just taken `homeassistant` out of the config wants to clear up after it.
    announced = settings.homeassistant or HomeAssistantSettings()
    topics = [discovery_topic(announced, settings.root)]
    topics += settings.topics.retained if everything else ()
    with closing(connect_any(settings, "remove")) as session:
        try:
            for topic in topics:
                session.publish_and_wait(topic, b"", retain=True)
        except BrokerError as error:
            raise EmotiondError(f"broker {session.address}: {error}") from error
        return f"{', '.join(topics)}: cleared at {session.address}"
