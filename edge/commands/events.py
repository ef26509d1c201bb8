"""`emotiond watch`, `replay` and `report`: events as they are published, and recorded ones."""

import argparse
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec

from edge.commands.common import (
    add_config,
    mqtt_sinks,
    number,
    parse_device,
    parse_device_pattern,
    progress_bar,
    write_output,
)
from edge.config import load_config, outbox_paths
from edge.errors import EmotiondError, ExitCode
from edge.offline.replay import EventLog, EventReplayer
from edge.offline.report import html_report
from edge.offline.timeline import format_duration
from edge.publish import MqttSettings, SinkContext
from edge.publish.events import encode_event
from edge.publish.mqtt.client import MqttMessage
from edge.publish.mqtt.session import connect_any, receive
from edge.publish.mqtt.settings import Topics
from edge.terminal import OutputClosed, plural, print_json, print_line, print_note

BAR_LENGTH = 20
"""Characters of the bar that stands for a confidence of 1."""


def add_watch_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `watch`."""
    add_config(parser)
    parser.add_argument(
        "--device",
        type=parse_device_pattern,
        help="name of the device, + for all; default: the config's",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print each event as it is published, one a line, for a file or another program",
    )


def watch(options: argparse.Namespace) -> ExitCode:
    """Print what is published until Ctrl-C, or until nobody reads it any more."""
    config = load_config(options.config)
    settings = mqtt_sinks(config)[0]
    device = options.device or settings.name
    root = f"{settings.prefix}/{device}"
    print_note(f"{root}/... at {' or '.join(map(str, settings.addresses))}; Ctrl-C ends")
    topics = Topics(root, "+" if config.cameras else "")
    formatter = WatchFormatter(names="+" in topics.root)
    wanted = [topics.event] if options.json else [topics.event, topics.availability, topics.state]
    try:
        for message in receive(settings, wanted, threading.Event()):
            if options.json:
                with suppress(msgspec.DecodeError, RecursionError):
                    print_json(msgspec.json.format(message.payload, indent=-1))
            elif (line := formatter.line(message)) is not None:
                print_line(line)
    except KeyboardInterrupt:
        print_note("ended by Ctrl-C")
    except OutputClosed:
        pass  # whoever read this has enough
    return ExitCode.OK


class WatchFormatter:
    """Turns messages into lines: every event, and of everything else only changes."""

    def __init__(self, names: bool) -> None:  # whether each begins with the name of its device
        self._names = names
        self._last_lines: dict[str, str] = {}

    def line(self, message: MqttMessage) -> str | None:
        """Return the line of a message, None where it says nothing new."""
        if not message.payload:  # what was retained is taken away
            return None
        root, _, kind = message.topic.rpartition("/")
        device = f"{root.rpartition('/')[2]:<12}  " if self._names else ""
        try:
            line = self._format(kind, message)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            line = timed_line(f"{message.topic}: not understood: {error}")
        return None if line is None else device + line

    def _format(self, kind: str, message: MqttMessage) -> str | None:
        match kind:
            case "event":
                return event_line(message.payload)
            case "availability":
                text = f"device {message.payload.decode()}"
            case "state":
                state = msgspec.json.decode(message.payload, type=_CameraState)
                until = f" until {state.paused_until}" if state.paused_until else ""
                text = f"camera {state.camera}{until}"
            case _:
                return None
        if self._last_lines.get(message.topic) == text:
            return None
        self._last_lines[message.topic] = text
        return timed_line(text)


class _CameraState(msgspec.Struct, frozen=True):
    """The camera's fields of the topic `state`."""

    camera: str
    paused_until: str | None = None


class _Event(msgspec.Struct, frozen=True):
    """The fields of an event that a line shows; a newer emotiond may send more."""

    time: str
    type: str
    track_id: int
    emotion: str
    confidence: float | None
    reasons: tuple[str, ...]
    duration: float
    latency_ms: float
    reason: str = ""


def event_line(payload: bytes) -> str:
    """Return one event as a line with a bar for its confidence, or why there is none.

    Raises:
        msgspec.DecodeError, RecursionError: it is no event.
    """
    event = msgspec.json.decode(payload, type=_Event)
    if event.reason or event.confidence is None:
        confidence = event.reason or ", ".join(event.reasons)
    else:
        filled = round(BAR_LENGTH * min(max(event.confidence, 0.0), 1.0))
        bar = "█" * filled + "░" * (BAR_LENGTH - filled)
        confidence = f"{bar} {event.confidence:4.0%}"
    return (
        f"{event.time[11:23]}  {event.type:<6}  face {event.track_id}  "
        f"{event.emotion:<9}  {confidence:<{BAR_LENGTH + 5}}  "
        f"after {event.duration:4.1f} s  latency {event.latency_ms:.0f} ms"
    )


def timed_line(text: str) -> str:
    """Return what carries no time of its own as a line with the present time."""
    return f"{datetime.now(UTC).time().isoformat('milliseconds')}  {text}"


def add_replay_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `replay`."""
    add_config(parser)
    parser.add_argument(
        "file", type=Path, metavar="FILE.jsonl", help="events that a jsonl sink wrote"
    )
    parser.add_argument(
        "--speed",
        type=partial(number, minimum=0.01, maximum=1000),
        default=1.0,
        help="how many times as fast as it happened; default: %(default)g",
    )
    parser.add_argument(
        "--device",
        type=parse_device,
        help="the device to publish as; default: the config's, which must not run meanwhile",
    )


def replay(options: argparse.Namespace) -> ExitCode:
    """Publish the recorded events to the MQTT sinks; fail where some did not reach their broker."""
    events = EventLog(options.file)
    config = load_config(options.config)
    settings = mqtt_sinks(config)
    if options.device is not None:
        settings = tuple(msgspec.structs.replace(one, device=options.device) for one in settings)
    # One device at one broker is one sink, whatever devices the config has there.
    settings = tuple({one.targets[0]: one for one in settings}.values())
    for one in settings:  # events of today are of no use next week: each broker must be there
        connect_any(one, "replay").close()
    paths = outbox_paths(msgspec.structs.replace(config, sinks=settings))
    sinks = [one.open(SinkContext(path)) for one, path in zip(settings, paths, strict=True)]
    replayer = EventReplayer(events, sinks, options.speed)
    with replayer.running():
        print_line(_announcement(events, settings, options.speed))
        for number, event in enumerate(replayer.play(), start=1):
            print_line(f"{number}/{events.count}  {event_line(encode_event(event))}")
    left = sum(sink.dropped + sink.waiting for sink in sinks)
    return ExitCode.FAULT if left else ExitCode.OK


def _announcement(events: EventLog, sinks: Sequence[MqttSettings], speed: float) -> str:
    roots = ", ".join(dict.fromkeys(sink.root for sink in sinks))
    count, duration = plural(events.count, "event"), format_duration(events.seconds)
    return (
        f"{events.path}: publishes {count} of {duration} on {roots}/event in "
        f"{format_duration(events.seconds / speed)}; Ctrl-C ends"
    )


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
    out = options.out or options.file[0].with_suffix(".html")
    if out.resolve() in [path.resolve() for path in options.file]:
        raise EmotiondError(f"{out}: would be written over its own events; name another --out")
    name = ", ".join(path.stem for path in options.file)
    with progress_bar() as bar:
        bar.add_task("events", total=None)
        events = [event for path in options.file for event in EventLog(path)]
        page = html_report(name, events).encode()
    write_output(out, page)
    print_line(f"{out}: {plural(len(events), 'event')}")
    return ExitCode.OK
