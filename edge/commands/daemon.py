"""`emotiond run` and `emotiond check`: the daemon, and whether its config can work."""

import argparse

import msgspec

from edge.commands.common import add_config
from edge.config import Config, load_config
from edge.errors import ExitCode
from edge.pipeline.build import validate_components
from edge.service import daemon
from edge.view import PreviewSettings


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `run`."""
    add_config(parser)
    parser.add_argument(
        "--preview", action="store_true", help="show a window, whatever the config says"
    )
    parser.add_argument(
        "--web", action="store_true", help="serve the web page, whatever the config says"
    )


def run(options: argparse.Namespace) -> ExitCode:
    """Run the daemon; the options override the config at every reload, too."""

    def adjust(config: Config) -> Config:
        return msgspec.structs.replace(
            config,
            preview=PreviewSettings(enabled=options.preview or config.preview.enabled),
            web=msgspec.structs.replace(config.web, enabled=options.web or config.web.enabled),
        )

    return daemon.run(options.config, adjust)


add_check_arguments = add_config


def check(options: argparse.Namespace) -> ExitCode:
    """Build everything that the config names, and start none of it.

    Secrets that systemd gives to the running service alone, not even to its ExecReload=, are left
    out.
    """
    config = load_config(options.config)
    sinks = tuple(sink.without_service_secrets() for sink in config.sinks)
    web = config.web.without_service_secrets()
    parts = validate_components(msgspec.structs.replace(config, sinks=sinks, web=web))
    print(
        f"{options.config}: sound; it uses the model {config.classifier.model.name} "
        f"and the detector {parts.processing.scheduler.detector}"
    )
    return ExitCode.OK
