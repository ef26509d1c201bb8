"""`emotiond run`: the daemon."""

import argparse

import msgspec

from edge.commands.common import add_config
from edge.config import Config
from edge.errors import ExitCode
from edge.service import daemon
from edge.view import PreviewSettings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
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
