"""The page of the shipped detectors."""

from pathlib import Path

from edge.paths import asset
from tests.edge.detect.lights import copy_lights
from tools.model_tables.detectors_page import detector_page, read_detectors
from tools.model_tables.integer_only import integer_note

MEASURED = {
    "data": "drawn lights",
    "pictures": 10,
    "faces": 1234,
    "average_precision": {"0.4": 0.812, "0.5": 0.7},
    "by_height": {"16-32": 0.66},
    "recall": 0.5,
    "found": 0.75,
    "precision": 0.9,
    "faceless": 70,
    "false_faces": 2,
}


def test_the_page_of_the_shipped_detectors_is_what_their_cards_give() -> None:
    folder = asset("models") / "detectors"
    page = (folder / "README.md").read_text(encoding="utf-8")
    note = integer_note(folder, folder.parent / "refiners")
    assert page == detector_page(read_detectors(folder), note)


def test_a_row_gives_what_the_card_says_and_a_dash_for_what_it_does_not(tmp_path: Path) -> None:
    copy_lights(tmp_path, size=123_400, parameters=9_876, measured=[MEASURED])
    page = detector_page(read_detectors(tmp_path))
    assert "| `lights` | 123 kB | 9,876 | 0 M | 8 to 96 | 0.5 | 2 in 70 | - |" in page
    assert (
        "| `lights` | drawn lights | 1,234 | 0.81 | 0.70 | - | 0.66 | - | - | 0.50 | 0.75 | 0.90 |"
        in page
    )


def test_a_folder_without_detectors_has_none(tmp_path: Path) -> None:
    assert read_detectors(tmp_path / "gone") == []
