"""A whole training in small: from csv to a network, killed and taken up again."""

import shutil
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from converter.data import Dataset, Usage
from converter.recipes import Distillation, Recipe
from edge.errors import ConfigError, DataError
from tests.converter.faces import dataset
from tests.converter.small import RECIPE, eagerly

keras = pytest.importorskip("keras", reason="training needs the extra `convert`")

pytestmark = pytest.mark.usefixtures("eager", "small_network", "short_face_head")

SHORT = msgspec.structs.replace(RECIPE, epochs=1, warmup_epochs=0)
"""For what is promised of a training of any length."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Two batches of faces to learn from: a training can be killed in the midst of an epoch."""
    return dataset(tmp_path_factory.mktemp("data"), rows_per_label=7)


@pytest.fixture(scope="module")
def trained(
    eager: None,
    small_network: None,
    short_face_head: int,
    data: Dataset,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The folder of a finished training; beside it, as a kill in the last epoch leaves it."""
    from converter.train import loop
    from converter.train.classifier import train

    directory = tmp_path_factory.mktemp("trainings") / "run"

    class Copied(loop.Checkpoint):
        """Copies the folder in the midst of the last epoch."""

        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            if self._batches.epoch == self.params["epochs"] - 1 and batch == 0:
                shutil.copytree(directory, directory.with_name("killed"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "Checkpoint", Copied)
        train(RECIPE, data, directory)
    return directory


@pytest.fixture(scope="module")
def five(
    eager: None,
    small_network: None,
    short_face_head: int,
    data: Dataset,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The folder of a training by five classes that also learned from a photograph of a wall."""
    from converter.train.classifier import train

    directory = tmp_path_factory.mktemp("five")
    wall = directory / "wall.png"
    cv2.imwrite(str(wall), np.full((200, 300), 99, np.uint8))
    recipe = msgspec.structs.replace(SHORT, label_set="5", balance="oversample")
    train(recipe, data, directory / "run", (), (wall,))
    return directory / "run"


def _weights(directory: Path) -> list[np.ndarray]:
    weights: list[np.ndarray] = keras.saving.load_model(directory / "model.keras").get_weights()
    return weights


def test_a_training_leaves_network_recipe_log_and_curves(trained: Path) -> None:
    assert sorted(file.name for file in trained.iterdir()) == [
        "curves.png",
        "log.csv",
        "model.keras",
        "recipe.json",
    ]
    assert len((trained / "log.csv").read_text().splitlines()) == 1 + RECIPE.epochs


def test_the_recipe_beside_the_network_is_the_one_it_was_trained_by(trained: Path) -> None:
    recipe = msgspec.json.decode((trained / "recipe.json").read_bytes(), type=Recipe)
    assert recipe == RECIPE


def test_a_recipe_of_an_earlier_version_is_still_read(trained: Path, tmp_path: Path) -> None:
    """With keys that are gone, which no shipped recipe ever set."""
    from converter.train.run_dir import read_recipe

    written = msgspec.json.decode((trained / "recipe.json").read_bytes())
    written |= {
        "cutmix": 0.0,
        "optimizer": "muon",
        "augmentation": {**written["augmentation"], "rare": 1.0},
    }
    (tmp_path / "recipe.json").write_bytes(msgspec.json.encode(written))
    assert read_recipe(tmp_path, Recipe) == RECIPE


def test_the_photographs_that_taught_what_no_face_is_are_named(five: Path, data: Dataset) -> None:
    from converter.quantize.trained_model import load_run

    assert (five / "negatives.txt").read_text() == "wall.png\n"
    assert "1 photographs" in load_run(five, data).training_data


def test_the_curves_are_a_picture_of_a_readable_size(trained: Path) -> None:
    picture = cv2.imread(str(trained / "curves.png"))
    assert picture is not None
    assert picture.shape[1] > 600
    assert picture.std() > 5


def test_the_saved_network_is_float32_and_has_every_output(trained: Path) -> None:
    network = keras.saving.load_model(trained / "model.keras")
    assert set(network.output) == {"logits", "votes", "face"}
    assert {layer.dtype_policy.name for layer in network.layers} == {"float32"}


def test_a_killed_training_goes_on_exactly_where_it_was(trained: Path, data: Dataset) -> None:
    from converter.train.classifier import train
    from converter.train.run_dir import is_finished

    killed = trained.with_name("killed")
    assert not is_finished(killed)
    train(RECIPE, data, killed)
    assert is_finished(killed)
    for one, other in zip(_weights(trained), _weights(killed), strict=True):
        assert np.allclose(one, other, atol=1e-6)
    assert (killed / "log.csv").read_text() == (trained / "log.csv").read_text()


def test_a_student_learns_from_teachers_whose_judgements_are_kept(
    trained: Path, data: Dataset, tmp_path: Path
) -> None:
    from converter.train.classifier import TrainingSet, teacher_targets, train

    how = Distillation(teachers=("teacher",), weight=0.5, views=2)
    student = msgspec.structs.replace(SHORT, distillation=how, dtype="float32")
    train(student, data, tmp_path, (trained,))
    (kept,) = trained.glob("logits-*.npy")
    written = kept.stat().st_mtime_ns
    training = TrainingSet(data.split(Usage.TRAINING), student)
    taught = teacher_targets((trained,), training, how.views)
    assert kept.stat().st_mtime_ns == written
    kept.unlink()
    assert np.array_equal(teacher_targets((trained,), training, how.views), taught)
    assert kept.exists()


def test_a_teacher_that_is_not_there_is_named(data: Dataset, tmp_path: Path) -> None:
    from converter.train.classifier import train

    how = Distillation(teachers=("gone",), weight=0.5, views=1)
    student = msgspec.structs.replace(RECIPE, distillation=how)
    with pytest.raises(ConfigError, match="gone: holds no finished training"):
        train(student, data, tmp_path / "student", (tmp_path / "gone",))


def test_a_finished_training_is_not_overwritten(trained: Path, data: Dataset) -> None:
    from converter.train.classifier import train

    with pytest.raises(ConfigError, match="finished training; --force"):
        train(RECIPE, data, trained)


def test_a_folder_of_another_recipe_is_refused(trained: Path, data: Dataset) -> None:
    from converter.train.classifier import train

    with pytest.raises(ConfigError, match="another recipe"):
        train(msgspec.structs.replace(RECIPE, seed=9), data, trained)


def test_a_class_without_a_face_is_named_with_a_remedy(data: Dataset, tmp_path: Path) -> None:
    from converter.train.classifier import train

    few = data.select(data.labels != 1)
    with pytest.raises(DataError, match=r"FER2013: .*found none of disgust; .*--label-set"):
        train(RECIPE, few, tmp_path / "run")


def test_fewer_faces_than_a_batch_are_refused(data: Dataset, tmp_path: Path) -> None:
    from converter.train.classifier import train

    with pytest.raises(DataError, match="at least 1000 training faces"):
        train(msgspec.structs.replace(RECIPE, batch_size=1000), data, tmp_path)


def test_another_label_set_trains_with_its_rare_classes_repeated(five: Path) -> None:
    network = keras.saving.load_model(five / "model.keras")
    assert network.output["logits"].shape == (None, 5)


def test_the_face_head_tells_faces_from_other_crops_and_touches_nothing_else(
    trained: Path, data: Dataset, short_face_head: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from converter.train import face_head
    from converter.train.face_head import face_or_not, fit_face_head

    monkeypatch.setattr(face_head, "EPOCHS", short_face_head)
    network = keras.saving.load_model(trained / "model.keras")
    before = {
        layer.name: layer.get_weights()
        for layer in network.layers
        if not layer.name.startswith("face")
    }
    faces = np.repeat(data.pixels, 15, axis=0)
    with eagerly(False):  # so many steps are faster in a graph
        fit_face_head(network, faces, (), seed=0)
        crops, labels = face_or_not(faces, (), 300, seed=1)
        logits = network.predict(crops[..., None], verbose=0)["face"]
    assert ((logits > 0) == (labels > 0)).mean() > 0.65
    for layer in network.layers:
        for one, other in zip(before.get(layer.name, []), layer.get_weights(), strict=False):
            assert np.array_equal(one, other)


def test_a_training_goes_on_from_the_weights_of_another(
    data: Dataset, trained: Path, tmp_path: Path
) -> None:
    from converter.train.classifier import train

    (tmp_path / "before").symlink_to(trained)
    recipe = msgspec.structs.replace(SHORT, start="before", learning_rate=1e-7, ema=0.01)
    train(recipe, data, tmp_path / "after")
    kernels = [weights[0] for weights in (_weights(trained), _weights(tmp_path / "after"))]
    assert kernels[1] == pytest.approx(kernels[0], abs=1e-4)


def test_what_is_kept_is_the_mean_with_the_start_where_the_recipe_says_so(
    data: Dataset, trained: Path, tmp_path: Path
) -> None:
    from converter.train.classifier import train

    (tmp_path / "before").symlink_to(trained)
    recipe = msgspec.structs.replace(SHORT, start="before", epochs=1)
    for name, share in (("new", 0.0), ("mean", 0.25)):
        train(msgspec.structs.replace(recipe, start_share=share), data, tmp_path / name)
    old, new, mean = (_weights(tmp_path / name)[0] for name in ("before", "new", "mean"))
    assert not np.allclose(old, new, atol=1e-4)
    assert mean == pytest.approx(0.25 * old + 0.75 * new, abs=1e-6)


def test_a_start_that_is_no_training_of_this_network_is_one_line(
    data: Dataset, tmp_path: Path
) -> None:
    from converter.train.classifier import train

    recipe = msgspec.structs.replace(RECIPE, start="gone")
    with pytest.raises(ConfigError, match="gone: expected a finished training of tiny"):
        train(recipe, data, tmp_path / "run")


def test_bfloat16_is_used_only_by_a_cpu_that_computes_in_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from converter.train import loop

    def policy(*flags: str) -> str:
        (tmp_path / "cpuinfo").write_text(f"flags : fpu {' '.join(flags)} sse\n")
        monkeypatch.setattr(loop, "CPU_INFO", tmp_path / "cpuinfo")
        loop.use_precision("auto")
        return str(keras.mixed_precision.dtype_policy().name)

    try:
        assert policy("avx2", "avx512_bf16") == "mixed_bfloat16"
        assert policy("avx2") == "float32"
    finally:
        loop.use_precision("float32")
