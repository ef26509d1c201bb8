from pathlib import Path

import cv2
import pytest
from msgspec.structs import replace

from converter.evaluation.model_table import read_cards
from converter.evaluation.plots import draw_report
from converter.evaluation.report import evaluate
from converter.evaluation.selection import Protocol
from converter.evaluation.speed_plot import draw_speed
from converter.label_sets import LABEL_SETS
from edge.model_card import ModelCard, Speed
from edge.paths import asset
from tests.converter.grey import constant, grey_faces

FACES = ["happy", "happy", "sad", "fear"]


def _size(path: Path) -> tuple[int, int]:
    picture = cv2.imread(str(path))
    assert picture is not None
    assert picture.std() > 10  # something is drawn
    return picture.shape[1], picture.shape[0]


@pytest.mark.parametrize("labels", [LABEL_SETS["5"].labels, LABEL_SETS["8"].labels])
def test_the_pictures_of_a_report_are_of_a_size_to_be_read(
    tmp_path: Path, labels: tuple[str, ...]
) -> None:
    report = evaluate(constant("happy", labels), grey_faces(FACES), "PublicTest", Protocol.LABELS)
    written = draw_report(report, tmp_path, "r")
    names = ["r-confusion.png", "r-reliability.png", "r-coverage.png"]
    assert [path.name for path in written] == names
    for path in written:
        width, height = _size(path)
        assert 600 < width < 1600
        assert 600 < height < 1600


def test_the_same_report_draws_the_same_bytes(tmp_path: Path) -> None:
    report = evaluate(constant("happy"), grey_faces(FACES), "PublicTest", Protocol.LABELS)
    first = [path.read_bytes() for path in draw_report(report, tmp_path, "a")]
    assert [path.read_bytes() for path in draw_report(report, tmp_path, "b")] == first


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
