"""Shared parts of subcommands: options, MQTT sinks of the config, progress, tables, files."""

import argparse
import io
import math
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from edge.capture import SourceSettings
from edge.config import Config, parse_config, parse_detector, parse_source
from edge.errors import ConfigError, EmotiondError, os_errors_as
from edge.paths import SERVICE_CONFIG, asset, atomic_write, user_config
from edge.publish import MqttSettings
from edge.publish.mqtt.settings import Name
from edge.terminal import print_line, write_bytes

if TYPE_CHECKING:
    from rich.progress import Progress
    from rich.table import Table

STDOUT = Path("/dev/stdout")  # as the file that a command writes; `-` on the command line
MAX_WIDTH = 100_000  # characters of a table for a file or another program: no line is wrapped


def add_subcommand(
    commands: Any, name: str, run: Callable[[argparse.Namespace], object], text: str
) -> argparse.ArgumentParser:
    """Add a subcommand that calls `run` with its options."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(command=run)
    return parser


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add the option of the config; default: the service's, else the user's, else the shipped."""
    shipped = asset("config") / "emotiond.yaml"
    default = next((one for one in (SERVICE_CONFIG, user_config()) if one.exists()), shipped)
    text = "the config, a YAML file; default: %(default)s"
    parser.add_argument("--config", type=Path, default=default, help=text)


def add_source(parser: argparse.ArgumentParser) -> None:
    """Add the option that names what is watched."""
    text = "camera (0), address (rtsp://...), video or folder of images; default: the config's"
    parser.add_argument("--source", help=text)


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of model and detector, which override the config."""
    parser.add_argument("--model", help="a shipped model, or a .tflite file with its card")
    parser.add_argument("--detector", help="kind of the detector; default: the config's")


def with_model_options(config: Config, options: argparse.Namespace) -> Config:
    """Return a config with the model and the detector that `add_model_options`' options name."""
    changes: dict[str, Any] = {}
    if options.model:  # a neutral baseline, such as the config has, is of one model
        chosen = {"model": options.model, "runtime": config.classifier.runtime.value}
        other = parse_config({"classifier": chosen}, Path.cwd() / "--model")
        changes["classifier"] = other.classifier
    if options.detector:
        changes["detector"] = parse_detector(options.detector)
    return msgspec.structs.replace(config, **changes)


def chosen_source(options: argparse.Namespace, config: Config) -> SourceSettings:
    """Return the source of `add_source`'s option, else the config's; ConfigError: it has many."""
    if config.cameras and not options.source:
        raise ConfigError(f"expected --source, as the config has {', '.join(config.cameras)}")
    return parse_source(options.source) if options.source else config.source


def count(text: str) -> int:
    """Parse a whole number above 0."""
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"expected a count above 0, found {text!r}")


def number(text: str, minimum: float = 0.0, maximum: float = math.inf) -> float:
    """Parse a finite number above 0, from `minimum` to `maximum`."""
    with suppress(ValueError):
        value = float(text)
        if minimum <= value <= maximum and 0 < value < math.inf:
            return value
    least = f"from {minimum:g}" if minimum else "above 0"
    most = f", at most {maximum:g}" if maximum < math.inf else ""
    raise argparse.ArgumentTypeError(f"expected a number {least}{most}, found {text!r}")


def parse_device(text: str, or_all: bool = False) -> str:
    """Parse the name of a device, or + for all."""
    if or_all and text == "+":
        return text
    try:
        return msgspec.convert(text, Name)
    except msgspec.ValidationError:
        reason = f"expected at most 64 letters, digits, - and _, found {text!r}"
        raise argparse.ArgumentTypeError(reason) from None


def mqtt_sinks(config: Config) -> tuple[MqttSettings, ...]:
    """Return the MQTT sinks of a config, at least one."""
    sinks = tuple(sink for sink in config.sinks if isinstance(sink, MqttSettings))
    if not sinks:
        raise ConfigError("sinks: expected an MQTT sink, found none; add `{kind: mqtt}`")
    return sinks


def progress_bar(hidden: bool = False) -> "Progress":
    """Return a bar with the remaining time on a terminal; elsewhere, or `hidden`, there is none."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(file=sys.stderr, soft_wrap=True)
    return Progress(
        console=console,
        disable=hidden or not console.is_terminal,
        # What is printed makes way for the bar only where both are on the same terminal.
        redirect_stdout=sys.stdout.isatty(),
    )


def print_table(table: "Table") -> None:
    """Print a table, at most as wide as the terminal if there is one; cells are no markup."""
    from rich.console import Console

    text = io.StringIO()
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else MAX_WIDTH
    Console(file=text, width=width, markup=False, emoji=False).print(table)
    for line in text.getvalue().splitlines():
        print_line(line.rstrip())


def output_path(text: str) -> Path:
    """Parse the path of a file to write; - is standard output."""
    return STDOUT if text == "-" else Path(text)


def write_output(path: Path, content: bytes, private: bool = True) -> None:
    """Write a file whole or not at all, for its owner alone if `private`; or to `STDOUT`."""
    if path == STDOUT:
        write_bytes(content)
        return
    with os_errors_as(EmotiondError, path, "written"):
        atomic_write(path, content, private=private)
