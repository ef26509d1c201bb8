"""Shared parts of subcommands: options, MQTT sinks of the config, output files."""

import argparse
import math
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from edge.capture import SourceSettings
from edge.config import Config, parse_config, parse_detector, parse_source
from edge.errors import ConfigError, EmotiondError
from edge.paths import SERVICE_CONFIG, asset, atomic_write
from edge.publish import MqttSettings
from edge.publish.mqtt.settings import Name
from edge.view import PrivacyBlur


def add_subcommand(
    commands: Any, name: str, run: Callable[[argparse.Namespace], object], text: str
) -> argparse.ArgumentParser:
    """Add a subcommand that calls `run` with its options."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(command=run)
    return parser


# Options and their types.


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add the option that names the config; its default is the service's, where it is installed."""
    default = SERVICE_CONFIG if SERVICE_CONFIG.exists() else asset("config") / "emotiond.yaml"
    parser.add_argument(
        "--config", type=Path, default=default, help="YAML file; default: %(default)s"
    )


def add_source(parser: argparse.ArgumentParser) -> None:
    """Add the option that names what is watched."""
    parser.add_argument(
        "--source", help="camera, address, video or folder of images; default: the config's"
    )


def chosen_source(options: argparse.Namespace, config: Config) -> SourceSettings:
    """Return the source that `add_source`'s option names, else the config's."""
    return parse_source(options.source) if options.source else config.source


def add_analysis_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of model, detector and blur, which override the config."""
    parser.add_argument("--model", help="a shipped model, or a .tflite with its card")
    parser.add_argument("--detector", help="its kind; default: the config's")
    parser.add_argument(
        "--blur",
        type=PrivacyBlur,
        choices=list(PrivacyBlur),
        help="what is hidden in annotated copies",
    )


def apply_analysis_options(options: argparse.Namespace, config: Config) -> Config:
    """Return a config with what `add_analysis_options`' options say.

    Raises:
        ConfigError: there is no such model or detector.
    """
    if options.model:
        chosen = {"model": options.model, "runtime": config.classifier.runtime.value}
        other = parse_config({"classifier": chosen}, Path.cwd() / "--model").classifier
        config = msgspec.structs.replace(config, classifier=other)
    if options.detector:
        config = msgspec.structs.replace(config, detector=parse_detector(options.detector))
    if options.blur:
        privacy = msgspec.structs.replace(config.privacy, blur=options.blur)
        config = msgspec.structs.replace(config, privacy=privacy)
    return config


def count(text: str) -> int:
    """Parse a whole number above 0."""
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"expected a count above 0, found {text!r}")


def number(text: str, maximum: float = math.inf) -> float:
    """Parse a finite number above 0, at most `maximum`."""
    with suppress(ValueError):
        value = float(text)
        if 0 < value <= maximum and value != math.inf:
            return value
    most = f", at most {maximum:g}" if maximum < math.inf else ""
    raise argparse.ArgumentTypeError(f"expected a number above 0{most}, found {text!r}")


def parse_device(text: str) -> str:
    """Parse the name of a device."""
    try:
        return msgspec.convert(text, Name)
    except msgspec.ValidationError as error:
        raise argparse.ArgumentTypeError(
            f"expected at most 64 letters, digits, - and _, found {text!r}"
        ) from error


def parse_device_pattern(text: str) -> str:
    """Parse the name of a device, or + for all."""
    return text if text == "+" else parse_device(text)


# Brokers.


def mqtt_sinks(config: Config) -> tuple[MqttSettings, ...]:
    """Return the MQTT sinks of a config, at least one.

    Raises:
        ConfigError: there is none.
    """
    sinks = tuple(sink for sink in config.sinks if isinstance(sink, MqttSettings))
    if not sinks:
        raise ConfigError("sinks: expected an MQTT sink, found none; add `{kind: mqtt}`")
    return sinks


# Files.


def unique_names(paths: Sequence[Path]) -> list[str]:
    """Return a file name without suffix for each path; those that would be the same are numbered.

    `x/a.jpg` and `y/a.jpg` become `a` and `a-2`.
    """
    repeated: Counter[str] = Counter()
    names: dict[str, None] = {}
    for path in paths:
        name = path.stem
        while name in names:
            repeated[path.stem] += 1
            name = f"{path.stem}-{repeated[path.stem] + 1}"
        names[name] = None
    return list(names)


def make_folder(folder: Path) -> None:
    """Make a folder for outputs, unless it is there.

    Raises:
        EmotiondError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EmotiondError(f"{folder}: cannot be made: {error.strerror}") from error


def write_output(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        EmotiondError: it cannot be written.
    """
    try:
        atomic_write(path, content)
    except OSError as error:
        raise EmotiondError(f"{path}: cannot be written: {error.strerror}") from error
