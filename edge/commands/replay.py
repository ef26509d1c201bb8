"""`emotiond replay`: recorded events, published with no camera."""

import argparse
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from edge.commands.brokers import device_name, mqtt_sinks
from edge.commands.common import add_subcommand
from edge.commands.event_line import event_line
from edge.commands.options import add_config
from edge.config import Config, load_config, outbox_paths
from edge.errors import ExitCode
from edge.offline.replay import EventLog, EventReplayer
from edge.publish import MqttSettings
from edge.publish.mqtt import MqttSink
from edge.publish.mqtt.session import connect_any
from edge.publish.payload import encode_event


def add(commands: Any) -> None:
    """Add the subcommand."""
    text = "publish the events of a file again, to the MQTT sinks of the config, with no camera"
    parser = add_subcommand(commands, "replay", _run, text)
    add_config(parser)
    parser.add_argument("file", type=Path, metavar="FILE.jsonl", help="what a jsonl sink wrote")
    parser.add_argument(
        "--speed",
        type=_speed,
        default=1.0,
        help="how many times as fast as it happened; default: %(default)g",
    )
    parser.add_argument(
        "--device",
        type=device_name,
        help="the device to publish as; default: the config's, which must not run meanwhile",
    )


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if 0.01 <= speed <= 1000:
        return speed
    raise argparse.ArgumentTypeError(f"expected a number from 0.01 to 1000, found {text!r}")


def _run(options: argparse.Namespace) -> ExitCode:
    recording = EventLog(options.file)
    config = _as_device(load_config(options.config), options.device)
    _reach(config)
    sinks = _sinks(config)
    player = EventReplayer(recording, sinks, options.speed)
    with player.running():
        print(_intention(recording, config, options.speed), flush=True)
        for number, event in enumerate(player.play(), start=1):
            print(f"{number}/{recording.count}  {event_line(encode_event(event))}", flush=True)
    left = sum(sink.dropped + sink.waiting for sink in sinks)
    return ExitCode.FAULT if left else ExitCode.OK


def _as_device(config: Config, device: str | None) -> Config:
    """Return the config with its MQTT sinks alone, under another name if there is one."""
    sinks = mqtt_sinks(config)
    if device is not None:
        sinks = tuple(msgspec.structs.replace(sink, device=device) for sink in sinks)
    return msgspec.structs.replace(config, sinks=sinks)


def _reach(config: Config) -> None:
    """See that the brokers are there: events of today are no use to anybody next week.

    Raises:
        EmotiondError: one is not, or refuses this client.
    """
    for settings in mqtt_sinks(config):
        with closing(connect_any(settings, "replay")):
            pass


def _sinks(config: Config) -> list[MqttSink]:
    settings = zip(config.sinks, outbox_paths(config), strict=True)
    return [MqttSink(sink, path) for sink, path in settings if isinstance(sink, MqttSettings)]


def _intention(recording: EventLog, config: Config, speed: float) -> str:
    roots = ", ".join(dict.fromkeys(sink.root for sink in mqtt_sinks(config)))
    return (
        f"{recording.path}: {recording.count} events of {_duration(recording.seconds)} "
        f"are published on {roots}/event in {_duration(recording.seconds / speed)}; Ctrl-C ends"
    )


def _duration(seconds: float) -> str:
    """Return a time as people say it."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"
