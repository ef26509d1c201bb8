"""`emotiond watch`, `replay` and `report`: events as they are published, and recorded ones."""

import argparse
import threading
from contextlib import closing, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from edge.commands import common
from edge.config import load_config
from edge.errors import EmotiondError, ExitCode, InputError
from edge.offline.replay import gaps, read_events, replay_events
from edge.offline.report import html_report
from edge.offline.timeline import format_duration
from edge.publish import SinkContext
from edge.publish.events import encode_event
from edge.publish.mqtt.client import MqttMessage
from edge.publish.mqtt.session import connect_any, receive
from edge.publish.mqtt.settings import Topics
from edge.terminal import OutputClosed, plural, print_json, print_line, print_note

BAR_LENGTH = 20  # characters of the bar that stands for a confidence of 1


def add_watch_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `watch`."""
    common.add_config(parser)
    text = "name of the device, + for all; default: the config's"
    parser.add_argument("--device", type=partial(common.parse_device, or_all=True), help=text)
    text = "print each event as it is published, one a line, for a file or another program"
    parser.add_argument("--json", action="store_true", help=text)


def watch(options: argparse.Namespace) -> ExitCode:
    """Print what is published until Ctrl-C, or until nobody reads it any more."""
    config = load_config(options.config)
    settings = common.mqtt_sinks(config)[0]
    root = f"{settings.prefix}/{options.device or settings.name}"
    print_note(f"{root}/... at {' or '.join(map(str, settings.addresses))}; Ctrl-C ends")
    topics = Topics(root, "+" if config.cameras else "")
    told: dict[str, str] = {}
    wanted = [topics.event] if options.json else [topics.event, topics.availability, topics.state]
    try:
        for message in receive(settings, wanted, threading.Event()):
            if options.json:
                with suppress(msgspec.DecodeError, RecursionError):
                    print_json(msgspec.json.format(message.payload, indent=-1))
            elif (line := watch_line(message, told, "+" in topics.root)) is not None:
                print_line(line)
    except KeyboardInterrupt:
        print_note("ended by Ctrl-C")
    except OutputClosed:
        pass  # whoever read this has enough
    return ExitCode.OK


def watch_line(message: MqttMessage, told: dict[str, str], names: bool) -> str | None:
    """Return the line of what is not in `told`, by topic, or None; `names`: the device first."""
    root, _, kind = message.topic.rpartition("/")
    time = f"{datetime.now(UTC).time().isoformat('milliseconds')}  "
    try:
        if kind == "event":
            text, time = event_line(message.payload), ""
        elif kind == "availability":
            text = f"device {message.payload.decode()}"
        else:
            state = msgspec.json.decode(message.payload, type=dict[str, Any])
            until = f" until {state['paused_until']}" if state.get("paused_until") else ""
            text = f"camera {state.get('camera')}{until}"
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        text = f"{message.topic}: not understood: {error}"
    # Without a payload, what was retained is taken away.
    if not message.payload or (kind != "event" and told.get(message.topic) == text):
        return None
    told[message.topic] = text
    device = f"{root.rpartition('/')[2]:<12}  " if names else ""
    return f"{device}{time}{text}"


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
    """Return one event as a line with a bar for its confidence, or why there is none."""
    event = msgspec.json.decode(payload, type=_Event)
    confidence = event.reason or ", ".join(event.reasons)
    if not event.reason and event.confidence is not None:
        filled = round(BAR_LENGTH * min(max(event.confidence, 0.0), 1.0))
        confidence = f"{'█' * filled:░<{BAR_LENGTH}} {event.confidence:4.0%}"
    return (
        f"{event.time[11:23]}  {event.type:<6}  face {event.track_id}  "
        f"{event.emotion:<9}  {confidence:<{BAR_LENGTH + 5}}  "
        f"after {event.duration:4.1f} s  latency {event.latency_ms:.0f} ms"
    )


def add_replay_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `replay`."""
    common.add_config(parser)
    text = "events that a jsonl sink wrote"
    parser.add_argument("file", type=Path, metavar="FILE.jsonl", help=text)
    speed, text = partial(common.number, minimum=0.01, maximum=1000), "times as fast as it happened"
    parser.add_argument("--speed", type=speed, default=1.0, help=f"{text}; default: %(default)g")
    text = "the device to publish as; default: the config's, which must not run meanwhile"
    parser.add_argument("--device", type=common.parse_device, help=text)


def replay(options: argparse.Namespace) -> ExitCode:
    """Publish the recorded events to the MQTT sinks; fail where some did not reach their broker."""
    events = read_events(options.file)
    config = load_config(options.config)
    settings = common.mqtt_sinks(config)
    if options.device is not None:
        settings = tuple(msgspec.structs.replace(one, device=options.device) for one in settings)
    # One device at one broker is one sink, whatever devices the config has there.
    settings = tuple({one.targets[0]: one for one in settings}.values())
    for one in settings:  # events of today are of no use next week: each broker must be there
        connect_any(one, "replay").close()
    paths = msgspec.structs.replace(config, sinks=settings).outbox_paths()
    sinks = [one.open(SinkContext(path)) for one, path in zip(settings, paths, strict=True)]
    roots = ", ".join(dict.fromkeys(one.root for one in settings))
    count, seconds = plural(len(events), "event"), sum(gaps(events))
    duration, time = format_duration(seconds), format_duration(seconds / options.speed)
    text = f"publishes {count} of {duration} on {roots}/event in {time}; Ctrl-C ends"
    print_line(f"{options.file}: {text}")
    with closing(replay_events(events, sinks, options.speed)) as published:
        for number, event in enumerate(published, start=1):
            print_line(f"{number}/{len(events)}  {event_line(encode_event(event))}")
    return ExitCode.FAULT if any(one.dropped or one.waiting for one in sinks) else ExitCode.OK


def add_report_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `report`."""
    text = "what a jsonl sink, `emotiond watch --json` or `emotiond video --events` wrote"
    parser.add_argument("file", type=Path, nargs="+", metavar="FILE.jsonl", help=text)
    text = "the page; default: beside the first file, with its name and .html"
    parser.add_argument("--out", type=common.output_path, help=f"{text}; - prints it")
    parser.add_argument("--title", help="of the page; default: the names of the files")
    text = "only what was seen %s this time, such as 2026-11-29 or 2026-11-29T18:00+01:00"
    parser.add_argument("--since", type=_time, metavar="TIME", help=text % "from")
    parser.add_argument("--until", type=_time, metavar="TIME", help=text % "before")
    parser.add_argument("--camera", help="only what the camera of that name saw")


def _time(text: str) -> datetime:
    """Parse a time, local where it names no zone."""
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(f"expected a time, found {text!r}: {error}") from error


def report(options: argparse.Namespace) -> ExitCode:
    """Write the page."""
    out = options.out or options.file[0].with_suffix(".html")
    if out.resolve() in [path.resolve() for path in options.file]:
        raise EmotiondError(f"{out}: would be written over its own events; name another --out")
    name = options.title or ", ".join(path.stem for path in options.file)
    with common.progress_bar() as bar:
        bar.add_task("events", total=None)
        events = [
            event
            for path in options.file
            for event in read_events(path)
            if (options.since is None or event.time >= options.since)
            and (options.until is None or event.time < options.until)
            and options.camera in (None, event.camera_name)
        ]
        if not events:
            raise InputError("expected an event of that time and camera, found none")
        page = html_report(name, events).encode()
    common.write_output(out, page)
    if out != common.STDOUT:
        print_line(f"{out}: {plural(len(events), 'event')}")
    return ExitCode.OK
