from pathlib import Path

import pytest
from msgspec.structs import replace

from edge.errors import ModelError
from edge.model_card import Accuracy, ModelCard, Speed
from edge.paths import asset
from tests.edge.infer.models import copy_model
from tools.model_tables.__main__ import main
from tools.model_tables.integer_only import integer_note
from tools.model_tables.models_page import model_page, read_cards

WITHOUT = "without copies of Training pictures"


@pytest.fixture(scope="module")
def shipped() -> list[ModelCard]:
    return read_cards(asset("models"))


@pytest.fixture
def labels_model(shipped: list[ModelCard]) -> ModelCard:
    """Return a shipped model of FER2013's seven labels."""
    return next(card for card in shipped if len(card.labels) == 7)


def _measured(data: str, accuracy: float, rows: int = 100) -> Accuracy:
    return Accuracy(
        data=data,
        rows=rows,
        accuracy=accuracy,
        balanced_accuracy=0.5,
        macro_f1=0.4,
        interval=(accuracy - 0.1, accuracy + 0.1),
        recall={"happy": accuracy},
        calibration_error=0.02,
    )


def _row(text: str, name: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"| `{name}` |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_page_of_the_shipped_models_is_what_their_cards_give(shipped: list[ModelCard]) -> None:
    page = (asset("models") / "README.md").read_text(encoding="utf-8")
    assert page == model_page(shipped, integer_note(asset("models")))


def test_a_row_gives_size_work_and_accuracy_with_and_without_copies(
    labels_model: ModelCard,
) -> None:
    measured = (
        _measured("FER2013 PublicTest", 0.7),
        _measured(f"FER2013 PublicTest {WITHOUT}", 0.68, 90),
    )
    speed = (Speed("litert 2.3", "a processor", 0.153), Speed("old 2.14", "a processor", 0.7))
    card = replace(labels_model, name="tiny-int8", size=99_600, parameters=98_765)
    text = model_page([replace(card, multiply_adds=9_400_000, measured=measured, speed=speed)])
    assert _row(text, "tiny-int8") == [
        *("`tiny-int8`", "the smallest boards, or many faces at once", "100 kB", "98,765", "9 M"),
        *("FER2013 PublicTest", "70.0 % (60.0-80.0)", "68.0 % (58.0-78.0)", "0.020"),
        "0.153 litert 2.3<br>0.7 old 2.14",
    ]
    assert "(10 of the 100 of FER2013 PublicTest)" in text
    assert "on one thread of a processor." in text
    assert "(accuracy-latency.png)" in text


def test_what_a_card_lacks_is_a_dash(labels_model: ModelCard) -> None:
    measured = (_measured("FER2013 PublicTest", 0.7),)
    card = replace(labels_model, name="mine", size=0, speed=(), measured=measured)
    text = model_page([card])
    row = _row(text, "mine")
    assert [row[place] for place in (1, 2, 7, 9)] == ["-", "-", "-", "-"]
    assert "accuracy-latency.png" not in text


def test_a_model_measured_by_ferplus_is_told_apart(labels_model: ModelCard) -> None:
    labels = (*labels_model.labels, "contempt")
    measured = (_measured("FER2013 PublicTest, FER+ majority", 0.85),)
    voted = replace(labels_model, name="shallow-ferplus", labels=labels, measured=measured)
    text = model_page([labels_model, voted])
    assert _row(text, "shallow-ferplus")[5] == "FER2013 PublicTest, FER+ majority"
    assert "compare them only with each other" in text
    assert "compare them only with each other" not in model_page([labels_model])


def test_terms_that_all_models_share_stand_there_once(
    shipped: list[ModelCard], labels_model: ModelCard
) -> None:
    assert model_page(shipped).count(labels_model.licence) == 1
    other = replace(labels_model, name="mine", licence="Mine.")
    text = model_page([labels_model, other])
    assert f"- `{labels_model.name}`: {labels_model.licence}" in text
    assert "- `mine`: Mine." in text


def test_the_model_with_the_least_work_comes_first(tmp_path: Path) -> None:
    for name, work in (("a", 2_000_000), ("b", 1_000_000)):
        (tmp_path / name).mkdir()
        model = copy_model(tmp_path / name, name=name, multiply_adds=work)
        for file in (model, model.with_suffix(".json")):
            file.rename(tmp_path / f"{name}{file.suffix}")
    assert [card.name for card in read_cards(tmp_path)] == ["b", "a"]


def test_a_folder_without_models_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"expected \.tflite models"):
        read_cards(tmp_path)


def test_the_command_writes_the_page_and_where_speeds_are_known_the_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy_model(tmp_path, speed=[])
    assert main([str(tmp_path)]) == 0
    assert (tmp_path / "README.md").read_text().startswith("# Models")
    assert not (tmp_path / "accuracy-latency.png").exists()
    speed = {"runtime": "litert 2.3", "machine": "a processor", "milliseconds": 0.15}
    copy_model(tmp_path, speed=[speed])
    assert main([str(tmp_path)]) == 0
    assert (tmp_path / "accuracy-latency.png").stat().st_size > 10_000
    assert "accuracy-latency.png" in capsys.readouterr().out
