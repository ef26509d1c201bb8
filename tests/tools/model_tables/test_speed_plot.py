from pathlib import Path

import cv2
from msgspec.structs import replace

from edge.model_card import ModelCard, Speed
from edge.paths import asset
from tools.model_tables.models_page import read_cards
from tools.model_tables.speed_plot import draw_speed


def _size(path: Path) -> tuple[int, int]:
    picture = cv2.imread(str(path))
    assert picture is not None
    assert picture.std() > 10  # something is drawn
    return picture.shape[1], picture.shape[0]


def _timed(card: ModelCard, name: str, *milliseconds: float) -> ModelCard:
    runtimes = ("litert 2.3", "tflite-runtime 2.14")
    speed = tuple(
        Speed(runtime, "a processor", time)
        for runtime, time in zip(runtimes, milliseconds, strict=False)
    )
    return replace(card, name=name, speed=speed)


def test_accuracy_is_drawn_against_latency_a_panel_for_each_set_of_rows(tmp_path: Path) -> None:
    card = read_cards(asset("models"))[0]
    votes = replace(card, measured=(replace(card.measured[0], data="FER+ majority"),))
    cards = [_timed(card, "small", 0.1, 0.7), _timed(card, "large", 4.0), replace(card, speed=())]
    draw_speed(cards, tmp_path / "one.png")
    draw_speed([*cards, _timed(votes, "voted", 0.1)], tmp_path / "two.png")
    assert _size(tmp_path / "one.png")[0] == _size(tmp_path / "two.png")[0]
    assert _size(tmp_path / "one.png")[1] < _size(tmp_path / "two.png")[1]
