"""Options that several subcommands share."""

import argparse
import os
from pathlib import Path

from edge.assets import asset
from edge.capture import SourceSettings
from edge.collect.place import parse_source
from edge.config import Config
from edge.units import CONFIG, service_environment


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
    return parse_source(options.source) if options.source else config.source
