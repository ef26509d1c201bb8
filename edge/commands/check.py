"""`emotiond check`: say whether a config can work."""

import argparse

import msgspec

from edge.commands.common import add_config
from edge.config import Config, load_config
from edge.errors import ExitCode
from edge.pipeline.build import validate_components


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_config(parser)


def run(options: argparse.Namespace) -> ExitCode:
    """Build everything that the config names, and start none of it."""
    config = load_config(options.config)
    parts = validate_components(_without_service_secrets(config))
    print(
        f"{options.config}: sound; it uses the model {config.classifier.model.name} "
        f"and the detector {parts.processing.scheduler.detector}"
    )
    return ExitCode.OK


def _without_service_secrets(config: Config) -> Config:
    """Leave out what systemd gives to the running service alone, not even to its ExecReload=."""
    sinks = tuple(sink.without_service_secrets() for sink in config.sinks)
    web = config.web.without_service_secrets()
    return msgspec.structs.replace(config, sinks=sinks, web=web)
