"""`emotiond-convert table`: list the models of a folder side by side."""

import argparse
from pathlib import Path
from typing import Any

from converter.commands.extras import needs
from converter.commands.options import add_command
from converter.evaluation.model_table import PICTURE, page, read_cards


def add(commands: Any) -> None:
    """Add the subcommand."""
    text = "write a folder's README.md from its models' cards, with a picture"
    parser = add_command(commands, "table", _run, text)
    parser.add_argument("models", type=Path, help="the folder, such as models")


def _run(options: argparse.Namespace) -> None:
    cards = read_cards(options.models)
    if any(card.speed for card in cards):
        needs("evaluate", "converter.evaluation.speed_plot").draw_speed(
            cards, options.models / PICTURE
        )
        print(f"wrote {options.models / PICTURE}")
    readme = options.models / "README.md"
    readme.write_text(page(cards), encoding="utf-8")
    print(f"wrote {readme}")
