"""`python -m tools.model_tables models`: writes the tables of a folder's models and detectors."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from edge.errors import EmotiondError
from tools.model_tables.detectors_page import FOLDER, detector_page, read_detectors
from tools.model_tables.integer_only import integer_note
from tools.model_tables.models_page import PLOT, model_page, read_cards
from tools.model_tables.speed_plot import draw_speed


def main(arguments: Sequence[str] | None = None) -> int:
    """Write README.md of models and detectors, with a plot; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.model_tables", description=__doc__)
    parser.add_argument("models", type=Path, help="the folder, such as models")
    folder = parser.parse_args(arguments).models
    try:
        cards = read_cards(folder)
        detectors = read_detectors(folder / FOLDER)
    except EmotiondError as error:
        print(f"model_tables: {error}", file=sys.stderr)
        return error.exit_code
    if any(card.speed for card in cards):
        draw_speed(cards, folder / PLOT)
        print(f"wrote {folder / PLOT}")
    _write(folder / "README.md", model_page(cards, integer_note(folder)))
    if detectors:
        note = integer_note(folder / FOLDER, folder / "refiners")
        _write(folder / FOLDER / "README.md", detector_page(detectors, note))
    return 0


def _write(readme: Path, text: str) -> None:
    readme.write_text(text, encoding="utf-8")
    print(f"wrote {readme}")


if __name__ == "__main__":
    sys.exit(main())
