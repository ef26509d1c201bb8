"""From a finished training to verified models that the daemon runs."""

import contextlib
import io
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from converter.cli import main
from converter.commands.convert import write_models
from converter.data import Dataset, Usage
from converter.data.dataset import VOTE_COLUMNS, make_dataset
from converter.data.label_sets import LabelSet
from edge.errors import ConfigError, DataError, ModelError
from edge.infer.classifier import ClassifierOutput, ClassifierSettings, ModelPath, open_classifier
from edge.model_card import ModelCard, load_card
from edge.tflite import Runtime, TFLiteModel
from edge.types import EXPRESSIONS
from tests.converter.faces import dataset, write_csv

pytest.importorskip("tensorflow", reason="conversion needs the extra `convert`")

import keras
import msgspec

from converter.quantize.quantize import (
    ConversionResult,
    FloatReference,
    disagreements,
    fit_threshold,
    float_reference,
    prior_correction,
    quantize,
)
from converter.quantize.tflite import Precision, multiply_adds, representative, to_tflite
from converter.quantize.trained_model import TrainedModel, load_run
from tests.converter.runs import write_run
from tests.converter.small import RECIPE

pytestmark = pytest.mark.usefixtures("eager")  # nothing is asked often enough for a graph to pay


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return dataset(tmp_path_factory.mktemp("data"), rows_per_label=24)


@pytest.fixture(scope="module")
def run(eager: None, data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("run"), data)


@pytest.fixture(scope="module")
def export(run: Path, data: Dataset) -> TrainedModel:
    return load_run(run, data.split(Usage.TRAINING))


@pytest.fixture(scope="module")
def converted(
    export: TrainedModel, data: Dataset, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[ConversionResult]]:
    """Every precision."""
    directory = tmp_path_factory.mktemp("models")
    return directory, quantize(export, data, directory, "drawn", tuple(Precision))


def read(model: Path, data: Dataset) -> ClassifierOutput:
    classifier = open_classifier(ClassifierSettings(ModelPath(model)))
    return classifier.classify(list(data.pixels))


def broken(export: TrainedModel) -> TrainedModel:
    """Return the network with one logit so far off that int8 cannot tell the others apart."""
    twin = keras.models.clone_model(export.network)
    twin.set_weights(export.network.get_weights())
    kernel, bias = twin.get_layer("logits").get_weights()
    bias[1] = -1e5
    twin.get_layer("logits").set_weights([kernel, bias])
    return replace(export, network=twin)


def test_each_precision_is_a_model_with_a_card_and_nothing_else_is_left(
    converted: tuple[Path, list[ConversionResult]],
) -> None:
    directory, conversions = converted
    assert [one.card.name for one in conversions] == [f"drawn-{one}" for one in Precision]
    expected = {f"drawn-{one}{kind}" for one in Precision for kind in (".tflite", ".json")}
    assert {file.name for file in directory.iterdir()} == expected


def test_what_the_daemon_sees_is_what_the_card_says(
    converted: tuple[Path, list[ConversionResult]], data: Dataset
) -> None:
    directory, conversions = converted
    test = data.split(Usage.PUBLIC_TEST)
    for card in (one.card for one in conversions):
        path = directory / f"{card.name}.tflite"
        assert load_card(path, ModelCard) == card
        right = read(path, test).probabilities.argmax(axis=1) == test.labels
        assert right.mean() == pytest.approx(card.measured[0].accuracy, abs=1e-4)
        assert card.size == path.stat().st_size


def test_every_precision_agrees_with_the_network(
    converted: tuple[Path, list[ConversionResult]],
) -> None:
    for one in converted[1]:
        assert one.agreement is not None
        assert one.agreement > 0.9
        assert one.card.measured[0].accuracy > 0.7


def test_an_int8_model_takes_the_grey_crop_as_it_is(
    converted: tuple[Path, list[ConversionResult]],
) -> None:
    entry = converted[1][-1].card.input
    assert (entry.dtype, entry.scale, entry.offset) == ("uint8", 1.0, 0.0)


def test_a_grey_value_means_itself_though_every_face_shown_to_the_quantiser_was_dark(
    export: TrainedModel, tmp_path: Path
) -> None:
    greys = np.repeat(np.arange(60, dtype=np.uint8), 48 * 48).reshape(60, 48, 48)
    path = tmp_path / "dark.tflite"
    path.write_bytes(to_tflite(export.network, Precision.INT8, greys))
    network = TFLiteModel(path, Runtime.LITERT)
    low, high = (
        min(network.invoke(greys[one, None, ..., None]), key=np.size).item() for one in (5, 55)
    )
    assert high - low == pytest.approx(50 / 127.5, abs=0.02)


def test_smaller_precisions_are_smaller_files(
    converted: tuple[Path, list[ConversionResult]],
) -> None:
    full, half, dynamic, whole = (one.card.size for one in converted[1])
    assert half < full
    assert max(dynamic, whole) < half


def test_the_face_output_lets_nearly_all_held_out_faces_pass(
    converted: tuple[Path, list[ConversionResult]], data: Dataset
) -> None:
    directory, conversions = converted
    test = data.split(Usage.PUBLIC_TEST)
    for card in (one.card for one in conversions):
        assert card.face is not None
        faces = read(directory / f"{card.name}.tflite", test).face_scores
        assert (faces >= card.face.threshold).mean() >= 0.99
        assert np.round(card.face.threshold, 2) == card.face.threshold


def test_a_card_tells_the_time_of_one_face_and_on_what(
    converted: tuple[Path, list[ConversionResult]],
) -> None:
    for one in converted[1]:
        assert one.card.speed[0].runtime.startswith("litert ")
        assert one.card.speed[0].milliseconds > 0
        assert one.card.speed[0].machine


def test_a_votes_head_that_was_not_trained_is_refused(data: Dataset, tmp_path: Path) -> None:
    recipe = msgspec.structs.replace(RECIPE, votes_head=0.0)
    run = write_run(tmp_path / "run", data, recipe)
    with pytest.raises(ModelError, match="expected a trained head votes"):
        load_run(run, data.split(Usage.TRAINING), "votes")


@pytest.fixture(scope="module")
def refusal(
    export: TrainedModel, data: Dataset, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """The folder of a float32 whose int8 was refused, and what the command said of that."""
    directory, printed = tmp_path_factory.mktemp("refused"), io.StringIO()
    precisions = ["float32", "int8"]
    with pytest.raises(ModelError) as caught, contextlib.redirect_stdout(printed):
        write_models(broken(export), data, directory, "drawn", precisions, force=False)
    return directory, printed.getvalue() + str(caught.value)


def test_an_int8_that_loses_too_much_is_not_written_and_float32_is(
    refusal: tuple[Path, str],
) -> None:
    directory, told = refusal
    assert "expected to agree with the network on 90% of the faces, found" in told
    assert "expected to lose at most 0.3% of FER2013 PublicTest" in told
    assert f"wrote {directory}/drawn-float32.tflite" in told
    assert sorted(file.name for file in directory.iterdir()) == [
        "drawn-float32.json",
        "drawn-float32.tflite",
    ]


def test_a_refusal_is_an_error_that_names_options_of_the_command_alone(
    refusal: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    remedy = refusal[1].partition("not written: ")[2]
    for command in ("quantize", "convert"):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        printed = capsys.readouterr().out
        options = re.findall(r"--[a-z]+", remedy)
        assert options
        assert all(option in printed for option in options)


@pytest.fixture(scope="module")
def forced(
    export: TrainedModel, data: Dataset, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, ConversionResult]:
    """A folder, and the int8 model of labels of one's own that was written into it by force."""
    own = replace(broken(export), label_set=LabelSet(tuple("abcdefg")), label_set_name="")
    directory = tmp_path_factory.mktemp("forced")
    (result,) = quantize(own, data, directory, "own", (Precision.INT8,), force=True)
    return directory, result


def test_what_was_refused_is_written_when_forced(forced: tuple[Path, ConversionResult]) -> None:
    directory, result = forced
    assert result.problems
    assert sorted(file.name for file in directory.iterdir()) == ["own-int8.json", "own-int8.tflite"]


def test_labels_that_the_data_does_not_know_are_compared_all_the_same(
    forced: tuple[Path, ConversionResult],
) -> None:
    assert forced[1].card.measured == ()
    assert "expected to agree with the network" in forced[1].problems[0]


def test_an_existing_model_is_kept_unless_forced(
    export: TrainedModel, data: Dataset, tmp_path: Path
) -> None:
    model = tmp_path / "drawn-float32.tflite"
    model.write_bytes(b"precious")
    target = tmp_path, "drawn", (Precision.FLOAT32,)
    with pytest.raises(ModelError, match=r"drawn-float32.tflite: is there already.*--force"):
        quantize(export, data, *target)
    assert model.read_bytes() == b"precious"
    quantize(export, data, *target, force=True)
    assert load_card(model, ModelCard).name == "drawn-float32"


def test_a_conversion_that_fails_leaves_nothing(
    export: TrainedModel, data: Dataset, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="PublicTest"):
        quantize(export, data.split(Usage.TRAINING), tmp_path, "drawn")
    assert list(tmp_path.iterdir()) == []


def test_int8_without_faces_is_refused(export: TrainedModel, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="give --data"):
        quantize(export, None, tmp_path, "drawn")


def test_a_folder_without_a_training_is_named(data: Dataset, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no finished training"):
        load_run(tmp_path, data)


def test_a_loss_is_told_where_chance_does_not_explain_it(
    export: TrainedModel, data: Dataset, converted: tuple[Path, list[ConversionResult]]
) -> None:
    rng = np.random.default_rng(0)
    card = converted[1][0].card
    rows = float_reference(export, data).rows
    assert rows is not None
    classes = np.repeat(rows.classes, 3589 // len(rows.classes) + 1)[:3589]
    many = replace(rows, classes=classes)
    truth = np.eye(7, dtype=np.float32)[classes]
    wrong = np.roll(truth, 1, axis=1)

    def compared(lost: int, gained: int) -> tuple[str, ...]:
        """Return what is said where that many rows are right in one of the two alone."""
        before, after = truth.copy(), truth.copy()
        drawn = rng.permutation(3589)
        after[drawn[:lost]] = wrong[drawn[:lost]]
        before[drawn[lost : lost + gained]] = wrong[drawn[lost : lost + gained]]
        reference = FloatReference(rows.pixels, before, (), many)
        return disagreements(card, after, reference)

    assert compared(lost=10, gained=0) == ()  # 0.28 points
    assert compared(lost=60, gained=45) == ()  # 0.42 points: chance
    (text,) = compared(lost=30, gained=5)  # 0.70 points
    assert "drawn-float32: expected to lose at most 0.3% of FER2013 PublicTest" in text
    (text,) = compared(lost=200, gained=200)
    assert "expected to agree with the network on 90% of the faces, found 88.9%" in text


def test_weights_that_are_no_numbers_are_refused(run: Path, data: Dataset, tmp_path: Path) -> None:
    network = keras.saving.load_model(run / "model.keras", compile=False)
    kernel, bias = network.get_layer("logits").get_weights()
    bias[1] = np.nan
    network.get_layer("logits").set_weights([kernel, bias])
    network.save(tmp_path / "model.keras")
    shutil.copy(run / "recipe.json", tmp_path)
    with pytest.raises(ModelError, match=r"expected finite weights, found NaN .* in logits/bias"):
        load_run(tmp_path, data.split(Usage.TRAINING))


def test_a_threshold_is_rounded_so_that_the_faces_still_pass() -> None:
    faces = np.linspace(0.5, 1, 1000, dtype=np.float32)
    assert fit_threshold(faces) == 0.5
    assert fit_threshold(np.full(10, 0.678, dtype=np.float32)) == 0.67


def test_representative_faces_are_as_many_of_each_class_and_always_the_same() -> None:
    classes = np.array([0] * 100 + [1] * 5)
    faces = np.broadcast_to(classes[:, None, None], (105, 2, 2)).astype(np.uint8)
    drawn = representative(faces, classes)
    assert np.bincount(drawn[:, 0, 0]).tolist() == [70, 70]
    assert np.array_equal(drawn, representative(faces, classes))


def test_multiply_adds_are_counted_through_nested_networks() -> None:
    inner = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(2, 3, padding="same"),
            keras.layers.DepthwiseConv2D(3, padding="same"),
            keras.layers.Flatten(),
            keras.layers.Dense(5),
        ]
    )
    faces = keras.Input((8, 8, 1))
    assert multiply_adds(keras.Model(faces, inner(faces))) == 64 * 18 + 64 * 18 + 128 * 5


def test_conversion_under_another_backend_is_refused(
    export: TrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ConfigError, match="KERAS_BACKEND=tensorflow"):
        to_tflite(export.network, Precision.FLOAT32, None)


def test_the_command_makes_of_the_votes_head_a_model_of_ferplus_eight_classes(
    data: Dataset, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, votes = write_csv(tmp_path)
    sets = ["--data", str(table), "--votes", str(votes), "--head", "votes"]
    options = ["--out", str(tmp_path / "out"), "--name", "drawn", "--precision", "float32"]
    assert main(["quantize", str(run), *sets, *options]) == 0
    printed = capsys.readouterr().out
    assert "agrees with the network on 100.0% of the faces" in printed
    assert "ms a face on litert" in printed
    assert "drawn-float32.tflite" in printed
    card = load_card(tmp_path / "out" / "drawn-float32.tflite", ModelCard)
    assert card.labels[-1] == "contempt"
    assert card.label_set == "8"
    assert card.measured[0].data == "FER2013 PublicTest, FER+ majority"
    assert card.measured[0].accuracy > 0.7


def test_rare_classes_are_made_likelier_and_common_ones_are_not_held_down() -> None:
    votes = np.zeros((100, len(VOTE_COLUMNS)), np.float32)
    votes[:60, VOTE_COLUMNS.index("neutral")] = 10
    votes[60:98, VOTE_COLUMNS.index("happiness")] = 10
    votes[98:, VOTE_COLUMNS.index("disgust")] = 10
    faces = np.random.default_rng(1).integers(0, 255, (100, 48, 48), np.uint8)
    usage = np.full(100, Usage.TRAINING.value)
    data = make_dataset(faces, np.zeros(100, np.int64), usage, "drawn", votes=votes)
    offsets = dict(zip(EXPRESSIONS, prior_correction(data, 0.5), strict=True))
    assert offsets["neutral"] == offsets["happy"] == 0.0
    assert offsets["disgust"] == pytest.approx(0.5 * np.log(0.125 / 0.02), abs=1e-3)
    assert offsets["contempt"] == pytest.approx(0.5 * np.log(0.125 / 0.005), abs=1e-3)
