"""`emotiond watch`: what is published, live in the terminal."""

import argparse
import os
import sys
from typing import Any

import msgspec

from edge.commands.brokers import any_device, mqtt_sinks
from edge.commands.common import add_subcommand
from edge.commands.options import add_config
from edge.commands.watch_formatter import WatchFormatter
from edge.config import load_config
from edge.errors import ExitCode
from edge.publish.mqtt.client import MqttMessage
from edge.publish.mqtt.session import MqttSubscriber
from edge.publish.topics import Topics


def add(commands: Any) -> None:
    """Add the subcommand."""
    text = "show the events of one device or all, live, until Ctrl-C"
    parser = add_subcommand(commands, "watch", _run, text)
    add_config(parser)
    parser.add_argument(
        "--device", type=any_device, help="which device, + for all; default: the config's"
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print each event as it is published, one a line, for a file or another program",
    )


def _run(options: argparse.Namespace) -> ExitCode:
    settings = mqtt_sinks(load_config(options.config))[0]
    device = options.device or settings.name
    root = f"{settings.prefix}/{device}"
    brokers = " or ".join(map(str, settings.addresses))
    print(f"{root}/... at {brokers}; Ctrl-C ends", file=sys.stderr, flush=True)
    if options.json:
        subscriber = MqttSubscriber(settings, [Topics(root).event], _print_payload)
    else:
        narrator = WatchFormatter(names=device == "+")
        subscriber = MqttSubscriber(
            settings, narrator.topics(root), lambda one: _print_line(narrator, one)
        )
    return _listen(subscriber)


def _listen(subscriber: MqttSubscriber) -> ExitCode:
    try:
        subscriber.run()
    except KeyboardInterrupt:
        print("ended by Ctrl-C", file=sys.stderr)
    except BrokenPipeError:
        # Whoever read this has enough; what Python still wants to write goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.OK


def _print_line(narrator: WatchFormatter, message: MqttMessage) -> None:
    line = narrator.line(message)
    if line is not None:
        print(line, flush=True)


def _print_payload(message: MqttMessage) -> None:
    try:
        line = msgspec.json.format(message.payload, indent=-1)
    except msgspec.DecodeError:
        return
    print(line.decode(errors="replace"), flush=True)
