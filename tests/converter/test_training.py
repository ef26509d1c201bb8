"""A whole training in small: from csv to a model that the daemon runs."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from converter.datasets import Dataset
from converter.recipes import Recipe
from tests.converter.faces import dataset

pytest.importorskip("tensorflow", reason="training needs the extra `convert`")

RECIPE = Recipe(
    network="shallow",
    epochs=3,
    batch_size=16,
    learning_rate=0.02,
    warmup_epochs=1,
    weight_decay=1e-3,
    ema=0.5,
    vote_weight=0.3,
    mixup=0.2,
    seed=1,
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return dataset(tmp_path_factory.mktemp("data"), rows_per_label=16)


@pytest.fixture(scope="module")
def trained(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished training."""
    from converter.training import train

    directory = tmp_path_factory.mktemp("run")
    train(RECIPE, data, directory)
    return directory


def test_a_training_leaves_network_recipe_and_a_log_of_each_epoch(trained: Path) -> None:
    assert sorted(file.name for file in trained.iterdir()) == [
        "log.csv",
        "model.keras",
        "recipe.json",
    ]
    assert len((trained / "log.csv").read_text().splitlines()) == 1 + RECIPE.epochs


def test_a_batch_depends_on_seed_epoch_and_index_alone(data: Dataset) -> None:
    from converter.training import Batches

    first, again = Batches(data, RECIPE), Batches(data, RECIPE)
    again[0]
    assert np.array_equal(first[1][0], again[1][0])
    before = first[1][0]
    first.on_epoch_end()
    assert not np.array_equal(first[1][0], before)


def test_both_models_are_written_with_cards_and_the_daemon_runs_them(
    trained: Path, data: Dataset, tmp_path: Path
) -> None:
    from converter.quantization import load_trained, quantize
    from edge.infer.classifier import ClassifierSettings, ModelPath, open_classifier

    cards = quantize(load_trained(trained), data, tmp_path, "tiny", max_loss=1.0)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "tiny-float32.json",
        "tiny-float32.tflite",
        "tiny-int8.json",
        "tiny-int8.tflite",
    ]
    for card in cards:
        classifier = open_classifier(
            ClassifierSettings(ModelPath(tmp_path) / f"{card.name}.tflite")
        )
        assert classifier.card == card
        test = data.split("PublicTest")
        right = classifier.classify(list(test.pixels)).argmax(axis=1) == test.labels
        assert right.mean() == pytest.approx(card.measured[0].accuracy, abs=1e-4)


def test_an_int8_that_loses_too_much_is_refused_and_nothing_is_left(
    trained: Path, data: Dataset, tmp_path: Path
) -> None:
    from converter.quantization import load_trained, quantize
    from edge.errors import ModelError

    with pytest.raises(ModelError, match="expected to lose at most"):
        quantize(load_trained(trained), data, tmp_path, "tiny", max_loss=-1.1)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_a_training_is_named(tmp_path: Path) -> None:
    from converter.quantization import load_trained
    from edge.errors import ModelError

    with pytest.raises(ModelError, match="holds no finished training"):
        load_trained(tmp_path)


def test_the_recipe_beside_the_network_is_the_one_it_was_trained_by(trained: Path) -> None:
    recipe = msgspec.json.decode((trained / "recipe.json").read_bytes(), type=Recipe)
    assert recipe == RECIPE
