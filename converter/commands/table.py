"""`emotiond-convert table`: list the models of a folder side by side."""

import argparse
from pathlib import Path
from typing import Any

from converter.commands.extras import needs
from converter.detection.detector_page import FOLDER, detector_page, read_detectors
from converter.evaluation.model_table import PICTURE, page, read_cards
from edge.commands.common import add_subcommand


def add(commands: Any) -> None:
    """Add the subcommand."""
    text = "write README.md of a folder and its detectors from the cards, with a picture"
    parser = add_subcommand(commands, "table", _run, text)
    parser.add_argument("models", type=Path, help="the folder, such as models")


def _run(options: argparse.Namespace) -> None:
    cards = read_cards(options.models)
    if any(card.speed for card in cards):
        needs("evaluate", "converter.evaluation.speed_plot").draw_speed(
            cards, options.models / PICTURE
        )
        print(f"wrote {options.models / PICTURE}")
    _write(options.models / "README.md", page(cards))
    detectors = read_detectors(options.models / FOLDER)
    if detectors:
        _write(options.models / FOLDER / "README.md", detector_page(detectors))


def _write(readme: Path, text: str) -> None:
    readme.write_text(text, encoding="utf-8")
    print(f"wrote {readme}")
