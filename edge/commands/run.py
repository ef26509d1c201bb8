"""`emotiond run`: be the daemon."""

import argparse
from typing import Any

import msgspec

from edge.commands.common import add_subcommand
from edge.commands.options import add_config
from edge.config import Config
from edge.errors import ExitCode
from edge.service import daemon
from edge.view import ViewSettings


def add(commands: Any) -> None:
    """Add the subcommand."""
    text = "watch the source of the config and publish events"
    parser = add_subcommand(commands, "run", _run, text)
    add_config(parser)
    parser.add_argument(
        "--preview", action="store_true", help="show a window, whatever the config says"
    )
    parser.add_argument(
        "--web", action="store_true", help="serve the web page, whatever the config says"
    )


def _run(options: argparse.Namespace) -> ExitCode:
    def adjust(config: Config) -> Config:
        view = ViewSettings(
            window=options.preview or config.view.window, web=options.web or config.view.web
        )
        return msgspec.structs.replace(config, view=view)

    return daemon.run(options.config, adjust)
