"""`emotiond watch`: what is published, live in the terminal."""

import argparse
import os
import sys
from datetime import UTC, datetime

import msgspec

from edge.commands.common import add_config, mqtt_sinks, parse_device_pattern
from edge.config import load_config
from edge.errors import ExitCode
from edge.publish.mqtt.client import MqttMessage
from edge.publish.mqtt.session import MqttSubscriber
from edge.publish.mqtt.settings import Topics

BAR_LENGTH = 20
"""Characters of the bar that stands for a confidence of 1."""


def add_watch_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_config(parser)
    parser.add_argument(
        "--device", type=parse_device_pattern, help="which device, + for all; default: the config's"
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print each event as it is published, one a line, for a file or another program",
    )


def watch(options: argparse.Namespace) -> ExitCode:
    """Print what is published until Ctrl-C, or until nobody reads it any more."""
    settings = mqtt_sinks(load_config(options.config))[0]
    device = options.device or settings.name
    root = f"{settings.prefix}/{device}"
    brokers = " or ".join(map(str, settings.addresses))
    print(f"{root}/... at {brokers}; Ctrl-C ends", file=sys.stderr, flush=True)
    topics = Topics(root)
    if options.json:
        subscriber = MqttSubscriber(settings, [topics.event], _print_json)
    else:
        formatter = WatchFormatter(names=device == "+")
        subscriber = MqttSubscriber(
            settings,
            [topics.event, topics.availability, topics.state],
            lambda message: _print_line(formatter, message),
        )
    try:
        subscriber.run()
    except KeyboardInterrupt:
        print("ended by Ctrl-C", file=sys.stderr)
    except BrokenPipeError:
        # Whoever read this has enough; what Python still wants to write goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.OK


def _print_json(message: MqttMessage) -> None:
    try:
        line = msgspec.json.format(message.payload, indent=-1)
    except msgspec.DecodeError:
        return
    print(line.decode(errors="replace"), flush=True)


def _print_line(formatter: "WatchFormatter", message: MqttMessage) -> None:
    line = formatter.line(message)
    if line is not None:
        print(line, flush=True)


class WatchFormatter:
    """Turns messages into lines: every event, and of everything else only changes.

    Args:
        names: whether each line begins with the name of its device.
    """

    def __init__(self, names: bool) -> None:
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
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            line = timed_line(f"{message.topic}: not understood: {error}")
        return None if line is None else printable(device + line)

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


def event_line(payload: bytes) -> str:
    """Return one event as a line with a bar for its confidence, or why there is none.

    Raises:
        msgspec.DecodeError: it is no event.
    """
    event = msgspec.json.decode(payload, type=_Event)
    if event.confidence is None:
        confidence = ", ".join(event.reasons)
    else:
        filled = round(BAR_LENGTH * min(max(event.confidence, 0.0), 1.0))
        bar = "█" * filled + "░" * (BAR_LENGTH - filled)
        confidence = f"{bar} {event.confidence:4.0%}"
    return printable(
        f"{event.time[11:23]}  {event.type:<6}  face {event.track_id}  "
        f"{event.emotion:<9}  {confidence:<{BAR_LENGTH + 5}}  "
        f"after {event.duration:4.1f} s  latency {event.latency_ms:.0f} ms"
    )


def timed_line(text: str) -> str:
    """Return what carries no time of its own as a line with the present time."""
    return printable(f"{datetime.now(UTC).time().isoformat('milliseconds')}  {text}")


def printable(text: str) -> str:
    """Return `text` without what could move a terminal's cursor: it came over the network."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
