"""`emotiond run`, `check`, `doctor` and `homeassistant`: the daemon, and what its service needs."""

import argparse
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import msgspec

from edge.capture.source import read_first
from edge.commands import common
from edge.config import Config, complete_config, load_config, parse_config
from edge.errors import EmotiondError, ExitCode, Level
from edge.pipeline.build import SetupBuilder
from edge.publish import MqttSettings, SinkSettings, expand_sink
from edge.publish.mqtt.client import BrokerError, MqttClient
from edge.publish.mqtt.session import retained_on
from edge.publish.mqtt.settings import Address, HomeAssistantSettings
from edge.publish.retained import RetainedTopics
from edge.service import daemon
from edge.service.commands import CommandQueue
from edge.terminal import print_error, print_json, print_line
from edge.view import PreviewSettings, WebSettings

log = logging.getLogger(__name__)

COLORS = {Level.WARNING: 33, Level.FAILURE: 31}  # yellow and red, as ECMA-48 numbers them


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `run`."""
    common.add_config(parser)
    common.add_source(parser)
    common.add_model_options(parser)
    brokers = parser.add_mutually_exclusive_group()
    text = "publish to this broker, such as mqtt://user@host, and to no other"
    brokers.add_argument("--mqtt", metavar="URL", help=text)
    brokers.add_argument("--no-mqtt", action="store_true", help="publish to no broker")
    text = "file with the password of the user in --mqtt"
    parser.add_argument("--mqtt-password-file", metavar="FILE", help=text)
    text = "name of this device in MQTT topics"
    parser.add_argument("--device", type=common.parse_device, help=text)
    parser.add_argument("--preview", action="store_true", help="show a window")
    parser.add_argument("--web", action="store_true", help="serve the web page")


def run(options: argparse.Namespace) -> ExitCode:
    """Run the daemon; the options override the config at every reload, too."""
    with suppress(EmotiondError):  # it is read all the same, and that tells what is wrong
        from edge.commands.config import migrate

        migrate(options)
    return daemon.run(options.config, partial(_adjusted, options))


def _adjusted(options: argparse.Namespace, config: Config) -> Config:
    """Return a config with what the options of `run` change of it."""
    replace = msgspec.structs.replace
    if options.source:
        source = parse_config({"source": options.source}, Path("--source")).source
        config = replace(config, source=source, cameras={})
    for name, camera in config.by_camera().items():
        config = config.with_camera(name, common.with_model_options(camera, options))
    changed = replace(
        config,
        sinks=tuple(_sinks(options, config)),
        preview=PreviewSettings(enabled=options.preview or config.preview.enabled),
        web=replace(config.web, enabled=options.web or config.web.enabled),
    )
    return complete_config(changed, options.config)


def _sinks(options: argparse.Namespace, config: Config) -> Iterator[SinkSettings]:
    """Yield the config's sinks, brokers and their device as the options of `run` have them."""
    sinks = config.sinks
    if options.mqtt or options.no_mqtt:
        sinks = tuple(sink for sink in sinks if not isinstance(sink, MqttSettings))
    if options.mqtt:
        section = expand_sink(options.mqtt)
        if options.mqtt_password_file:
            section["password"] = {"file": options.mqtt_password_file}
        sinks += parse_config({"sinks": section}, Path("--mqtt")).sinks
    for sink in sinks:
        named = options.device is not None and isinstance(sink, MqttSettings)
        yield msgspec.structs.replace(sink, device=options.device) if named else sink


def _try_port(web: WebSettings) -> None:
    """Raise an EmotiondError where a page cannot be at its address; one that is in use may be."""
    from edge.view.web.server import AddressInUseError, listen

    try:
        listen(web).close()
    except AddressInUseError as error:
        log.warning("%s; it may be the daemon of this config", error)


add_check_arguments = common.add_config


def check(options: argparse.Namespace) -> ExitCode:
    """Build everything that the config names, and start none of it; try its files and its port."""
    config = load_config(options.config)
    # Without what systemd gives to the running service alone, not even to its ExecReload=.
    sinks = tuple(sink.without_service_secrets() for sink in config.sinks)
    web = config.web.without_service_secrets()
    adjusted = msgspec.structs.replace(config, sinks=sinks, web=web)
    parts = SetupBuilder(adjusted, CommandQueue()).setup.cameras
    if web.enabled:
        _try_port(web)
    text = f"{options.config}: sound"
    for name, camera in config.by_camera().items():
        if not parts[name].live:
            read_first(parts[name].source)
        who, detector = name and f"camera {name}", parts[name].processing.scheduler.detector
        text += f"; {who or 'it'} uses the model {camera.classifier.model.name}"
        text += f" and the detector {detector}"
    print_line(text)
    return ExitCode.OK


def add_doctor_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `doctor`."""
    common.add_config(parser)
    parser.add_argument("--json", action="store_true", help="print the results as a JSON list")


def doctor(options: argparse.Namespace) -> ExitCode:
    """Print every check's result; fail where a check failed."""
    from edge.doctor.checks import run_checks

    results = []
    for result in run_checks(options.config):
        results.append(result)
        if not options.json:
            print_line(str(result), COLORS.get(result.level))
    if options.json:
        print_json(msgspec.json.encode(results))
    failed = any(result.level is Level.FAILURE for result in results)
    return ExitCode.FAULT if failed else ExitCode.OK


def add_homeassistant_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the one action of `homeassistant`."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", help="what to do")
    text = "clear all that brokers retain; Home Assistant forgets the device and its entities"
    common.add_config(common.add_subcommand(actions, "remove", homeassistant, text))


def homeassistant(options: argparse.Namespace) -> ExitCode:
    """Clear all that the brokers of the MQTT sinks retain; fail where something may be left."""
    config = load_config(options.config)
    memory, code = RetainedTopics(config.state_folder, options.config), ExitCode.OK
    if os.access(memory.state, os.F_OK) and not os.access(memory.state, os.R_OK | os.X_OK):
        print_error(f"{memory.state}: cannot be read: former names are not known; be its owner")
        code = ExitCode.FAULT
    sinks, names = common.mqtt_sinks(config), tuple(config.cameras)
    outboxes = msgspec.structs.replace(config, sinks=sinks).outbox_paths()
    for settings, outbox in zip(sinks, outboxes, strict=True):
        failed = []
        for address in settings.addresses:
            try:
                print_line(_clear_retained(settings, address, outbox, memory, names))
            except BrokerError as error:
                print_error(f"broker {address}: {error}")
                failed.append(address)
        # One that is away and was never given anything has nothing to clear.
        if len(failed) == len(settings.addresses) or memory.brokers() & set(map(str, failed)):
            code = ExitCode.FAULT
    named = {str(address) for settings in sinks for address in settings.addresses}
    for broker in sorted(memory.brokers() - named):
        left = ", ".join(memory.former(None, broker))
        print_error(f"broker {broker}: may still retain {left}; the config names it no more")
        code = ExitCode.FAULT
    if code is ExitCode.OK and any(settings.homeassistant for settings in sinks):
        unless = "unless its config says `homeassistant: null`"
        print_line(f"a running daemon announces it again when it next connects, {unless}")
    return code


def _clear_retained(
    settings: MqttSettings,
    address: Address,
    outbox: Path | None,
    memory: RetainedTopics,
    cameras: Sequence[str],
) -> str:
    """Clear what a broker retains of this device, its cameras and its former names; return it."""
    # Whoever has just taken `homeassistant` out of the config wants to clear up after it.
    announced = settings.homeassistant or HomeAssistantSettings()
    announcing = msgspec.structs.replace(settings, homeassistant=announced)
    topics = list(announcing.retained_topics(cameras))
    topics += sorted(set(memory.former(outbox, str(address))) - set(topics))
    with closing(MqttClient(settings, address, "remove")) as session:
        session.connect()
        cleared = retained_on(session, topics)
        for topic in topics:
            session.publish_and_wait(topic, b"", retain=True)
        if left := retained_on(session, topics):
            why = "it does not let this client publish there, or a running daemon does"
            raise BrokerError(f"still retains {', '.join(left)}: {why}")
    for topic in topics:
        memory.forget(str(address), topic)
    if not cleared:
        return f"{settings.root}: nothing was retained at {address} that this client may read"
    known = any(topic.endswith("/config") for topic in cleared)
    forgets = "; Home Assistant forgets the device" if known else ""
    return f"{', '.join(cleared)}: cleared at {address}{forgets}"
