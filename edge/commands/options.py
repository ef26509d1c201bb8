"""Options that several subcommands share."""

import argparse
import math
import os
from contextlib import suppress
from pathlib import Path

import msgspec

from edge.capture import SourceSettings
from edge.capture.parse import parse_source_arg
from edge.config import Config, parse_config, parse_detector
from edge.paths import asset
from edge.service.units import CONFIG, service_environment
from edge.view.settings import PrivacyBlur


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add the option that names the config: that of the service where it is installed."""
    default = CONFIG if CONFIG.exists() else asset("config") / "emotiond.yaml"
    parser.add_argument(
        "--config", type=Path, default=default, help="YAML file; default: %(default)s"
    )


def enter_service(options: argparse.Namespace) -> None:
    """Look for state and secrets where the service does whose config is named, if it is one's."""
    if "config" in options:
        for name, value in service_environment(options.config).items():
            os.environ.setdefault(name, value)


def add_source(parser: argparse.ArgumentParser) -> None:
    """Add the option that names what is watched."""
    parser.add_argument(
        "--source", help="camera, address, film or folder of pictures; default: the config's"
    )


def chosen_source(options: argparse.Namespace, config: Config) -> SourceSettings:
    """Return the source that `add_source`'s option names, else the config's."""
    return parse_source_arg(options.source) if options.source else config.source


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how faces are found, read and hidden, whatever the config says."""
    parser.add_argument("--model", help="a shipped model, or a .tflite with its card")
    parser.add_argument("--detector", help="its kind; default: the config's")
    parser.add_argument(
        "--blur",
        type=PrivacyBlur,
        choices=list(PrivacyBlur),
        help="what is hidden in annotated copies",
    )


def chosen_reading(options: argparse.Namespace, config: Config) -> Config:
    """Return a config with what `add_reading`'s options say.

    Raises:
        ConfigError: there is no such detector.
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


def amount(text: str) -> float:
    """Parse a number above 0."""
    with suppress(ValueError):
        if 0 < float(text) < math.inf:
            return float(text)
    raise argparse.ArgumentTypeError(f"expected a number above 0, found {text!r}")
