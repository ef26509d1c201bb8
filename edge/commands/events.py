"""`emotiond replay` and `emotiond report`: recorded events, published again or made into a page."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from edge.commands.common import add_config, mqtt_sinks, parse_device, write_output
from edge.commands.watch import event_line
from edge.config import load_config, outbox_paths
from edge.errors import EmotiondError, ExitCode
from edge.offline.replay import EventLog, EventReplayer
from edge.offline.report import html_report
from edge.publish import MqttSettings, SinkContext
from edge.publish.events import encode_event
from edge.publish.mqtt.session import connect_any


def add_replay_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `replay`."""
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


def replay(options: argparse.Namespace) -> ExitCode:
    """Publish the recorded events to the MQTT sinks; fail where some did not reach their broker."""
    events = EventLog(options.file)
    config = load_config(options.config)
    settings = mqtt_sinks(config)
    if options.device is not None:
        settings = tuple(msgspec.structs.replace(one, device=options.device) for one in settings)
    for one in settings:  # events of today are of no use next week: each broker must be there
        connect_any(one, "replay").close()
    paths = outbox_paths(msgspec.structs.replace(config, sinks=settings))
    sinks = [one.open(SinkContext(path)) for one, path in zip(settings, paths, strict=True)]
    replayer = EventReplayer(events, sinks, options.speed)
    with replayer.running():
        print(_announcement(events, settings, options.speed), flush=True)
        for number, event in enumerate(replayer.play(), start=1):
            print(f"{number}/{events.count}  {event_line(encode_event(event))}", flush=True)
    left = sum(sink.dropped + sink.waiting for sink in sinks)
    return ExitCode.FAULT if left else ExitCode.OK


def _announcement(events: EventLog, sinks: Sequence[MqttSettings], speed: float) -> str:
    roots = ", ".join(dict.fromkeys(sink.root for sink in sinks))
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


def add_report_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `report`."""
    parser.add_argument(
        "file",
        type=Path,
        nargs="+",
        metavar="FILE.jsonl",
        help="what a jsonl sink, `emotiond watch --json` or `emotiond video --events` wrote",
    )
    parser.add_argument(
        "--out", type=Path, help="the page; default: beside the first file, with its name and .html"
    )


def report(options: argparse.Namespace) -> ExitCode:
    """Write the page."""
    events = [event for path in options.file for event in EventLog(path)]
    out = options.out or options.file[0].with_suffix(".html")
    if out.resolve() in [path.resolve() for path in options.file]:
        raise EmotiondError(f"{out}: would be written over its own events; name another --out")
    name = ", ".join(path.stem for path in options.file)
    write_output(out, html_report(name, events).encode())
    print(f"{os.fsencode(out).decode(errors='replace')}: {len(events)} events")
    return ExitCode.OK
