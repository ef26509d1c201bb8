"""`emotiond replay`: recorded events, published again."""

import argparse
from contextlib import closing
from pathlib import Path

import msgspec

from edge.commands.common import add_config, mqtt_sinks, parse_device
from edge.commands.watch import event_line
from edge.config import Config, load_config, outbox_paths
from edge.errors import ExitCode
from edge.offline.replay import EventLog, EventReplayer
from edge.publish.mqtt import MqttSink
from edge.publish.mqtt.session import connect_any
from edge.publish.payload import encode_event


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
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
        type=parse_device,
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


def run(options: argparse.Namespace) -> ExitCode:
    """Publish the recorded events; fail where some did not reach their broker."""
    events = EventLog(options.file)
    config = _with_device(load_config(options.config), options.device)
    _check_brokers(config)
    outboxes = zip(mqtt_sinks(config), outbox_paths(config), strict=True)
    sinks = [MqttSink(settings, path) for settings, path in outboxes]
    replayer = EventReplayer(events, sinks, options.speed)
    with replayer.running():
        print(_announcement(events, config, options.speed), flush=True)
        for number, event in enumerate(replayer.play(), start=1):
            print(f"{number}/{events.count}  {event_line(encode_event(event))}", flush=True)
    left = sum(sink.dropped + sink.waiting for sink in sinks)
    return ExitCode.FAULT if left else ExitCode.OK


def _with_device(config: Config, device: str | None) -> Config:
    """Return the config with its MQTT sinks alone, which publish as `device` if one is given."""
    sinks = mqtt_sinks(config)
    if device is not None:
        sinks = tuple(msgspec.structs.replace(sink, device=device) for sink in sinks)
    return msgspec.structs.replace(config, sinks=sinks)


def _check_brokers(config: Config) -> None:
    """Connect to every broker once: events of today are of no use next week.

    Raises:
        EmotiondError: one is not, or refuses this client.
    """
    for settings in mqtt_sinks(config):
        with closing(connect_any(settings, "replay")):
            pass


def _announcement(events: EventLog, config: Config, speed: float) -> str:
    roots = ", ".join(dict.fromkeys(sink.root for sink in mqtt_sinks(config)))
    return (
        f"{events.path}: {events.count} events of {_duration(events.seconds)} "
        f"are published on {roots}/event in {_duration(events.seconds / speed)}; Ctrl-C ends"
    )


def _duration(seconds: float) -> str:
    """Return a duration in its largest units."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"
