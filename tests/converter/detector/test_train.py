"""A whole training of a detector in small: killed, taken up again, and what it learns."""

import csv
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from converter.detector.annotations import AnnotatedImage
from converter.detector.sample_generator import SampleGenerator
from converter.recipes import DetectorRecipe
from edge.errors import ConfigError, DataError
from tests.converter.detector.drawn import SMALL, Bright, write_photographs
from tests.converter.small import eagerly

keras = pytest.importorskip("keras", reason="training needs the extra `convert`")

from converter.detector import train as module  # noqa: E402
from converter.detector.samples import (  # noqa: E402
    TrainingData,
    ValidationSet,
    is_validation,
    prepare_data,
)
from converter.detector.train import train_detector  # noqa: E402
from converter.train import loop  # noqa: E402
from converter.train.run_dir import is_finished  # noqa: E402

LEARNT = msgspec.structs.replace(
    SMALL,
    epochs=2,
    mined_every=1,
    steps=250,
    batch_size=8,
    learning_rate=0.01,
    ema=0.9,
    scenes=msgspec.structs.replace(SMALL.scenes, smallest=12.0, mosaic=0.1),
)
"""Long enough to learn what a drawn face is."""


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> list[AnnotatedImage]:
    return write_photographs(tmp_path_factory.mktemp("drawn"), 24)


@pytest.fixture(scope="module")
def data(photographs: list[AnnotatedImage]) -> TrainingData:
    return prepare_data(photographs, Bright(), [])


@pytest.fixture(scope="module")
def trained(
    small_detector: None, data: TrainingData, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of a finished training; beside it, as a kill in the last epoch leaves it."""
    directory = tmp_path_factory.mktemp("trainings") / "run"

    class Copied(loop.Checkpoint):
        """Copies the folder in the midst of the last epoch."""

        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            if self._batches.epoch == self.params["epochs"] - 1 and batch == 0:
                shutil.copytree(directory, directory.with_name("killed"))

    def errs_in_one(empty: ValidationSet, network: object) -> NDArray[np.float64]:
        # So that a training that goes on without what was found shows other images.
        return np.array([1.0] + [0.0] * (len(empty.images) - 1))

    with pytest.MonkeyPatch.context() as patch, eagerly():
        patch.setattr(loop, "Checkpoint", Copied)
        patch.setattr(module, "hard_negative_weights", errs_in_one)
        train_detector(SMALL, data, directory)
    return directory


def _weights(directory: Path) -> list[np.ndarray]:
    weights: list[np.ndarray] = keras.saving.load_model(directory / "model.keras").get_weights()
    return weights


def _log(directory: Path) -> list[dict[str, str]]:
    with (directory / "log.csv").open() as log:
        return list(csv.DictReader(log))


def test_a_training_leaves_network_recipe_log_and_curves(trained: Path) -> None:
    assert sorted(file.name for file in trained.iterdir()) == [
        "curves.png",
        "log.csv",
        "material.json",
        "model.keras",
        "recipe.json",
    ]
    picture = cv2.imread(str(trained / "curves.png"))
    assert picture is not None
    assert picture.std() > 5


def test_the_log_has_the_parts_of_the_loss_and_the_precision_of_every_epoch(
    trained: Path,
) -> None:
    rows = _log(trained)
    assert [int(row["epoch"]) for row in rows] == list(range(SMALL.epochs))
    for row in rows:
        parts = [float(row[part]) for part in ("score", "box")]
        assert float(row["loss"]) == pytest.approx(sum(parts), rel=1e-3)
        assert 0 <= float(row["watched"]) <= 1


def test_the_recipe_beside_the_network_is_the_one_it_was_trained_by(trained: Path) -> None:
    written = (trained / "recipe.json").read_bytes()
    assert msgspec.json.decode(written, type=DetectorRecipe) == SMALL


def test_the_saved_network_is_float32_and_of_the_recipes_size(trained: Path) -> None:
    network = keras.saving.load_model(trained / "model.keras")
    assert network.input_shape == (None, 64, 96, 3)
    assert set(network.output) == {"scores", "boxes"}
    assert {layer.dtype_policy.name for layer in network.layers} == {"float32"}


def test_a_killed_training_goes_on_exactly_where_it_was(
    trained: Path, data: TrainingData, capsys: pytest.CaptureFixture[str]
) -> None:
    killed = trained.with_name("killed")
    assert not is_finished(killed)
    with eagerly():
        train_detector(SMALL, data, killed)
    told = capsys.readouterr().out
    assert f"Epoch {SMALL.epochs}/{SMALL.epochs}" in told
    assert f"Epoch {SMALL.epochs - 1}/" not in told
    assert is_finished(killed)
    for one, other in zip(_weights(trained), _weights(killed), strict=True):
        assert np.array_equal(one, other)
    assert (killed / "log.csv").read_text() == (trained / "log.csv").read_text()


def test_a_finished_training_is_not_overwritten(trained: Path, data: TrainingData) -> None:
    with pytest.raises(ConfigError, match="finished training; --force"):
        train_detector(SMALL, data, trained)


def test_a_folder_of_another_recipe_is_refused(trained: Path, data: TrainingData) -> None:
    with pytest.raises(ConfigError, match="another recipe"):
        train_detector(msgspec.structs.replace(SMALL, seed=9), data, trained)


def test_what_is_watched_is_not_learnt_from(
    photographs: list[AnnotatedImage], data: TrainingData
) -> None:
    learnt = [*data.samples, *data.empty]
    assert len(learnt) + len(data.validation) == len(photographs)
    for watched in data.validation:
        assert not any(np.array_equal(watched.image, other.image) for other in learnt)
    assert all(len(sample.boxes) for sample in data.samples)
    assert not any(len(sample.boxes) for sample in data.empty)


def test_too_few_photographs_to_learn_from_or_to_watch_are_refused(
    photographs: list[AnnotatedImage],
) -> None:
    for some in (True, False):
        few = [one for one in photographs if is_validation(one) == some]
        with pytest.raises(DataError, match="enough to set a twelfth aside"):
            prepare_data(few, None, [])


def test_the_test_split_is_not_trained_on(
    tmp_path: Path, photographs: list[AnnotatedImage]
) -> None:
    with pytest.raises(DataError, match="found 0 to learn from"):
        prepare_data([replace(one, split="test") for one in photographs], None, [])


def test_it_learns_to_find_drawn_faces_and_sees_more_of_what_misleads_it(
    small_detector: None, data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from converter.detector import train as training

    generators = []

    class Noted(SampleGenerator):
        """Is looked at afterwards."""

        def __init__(self, *parts: Any) -> None:
            super().__init__(*parts)
            generators.append(self)

    monkeypatch.setattr(training, "SampleGenerator", Noted)
    train_detector(LEARNT, data, tmp_path)
    assert float(_log(tmp_path)[-1]["watched"]) > 0.5
    (generator,) = generators
    assert generator.weights.sum() == pytest.approx(1)
    assert generator.weights.min() > 0.4 / len(data.empty)  # none is forgotten
    assert generator.weights.max() > generator.weights.min()
