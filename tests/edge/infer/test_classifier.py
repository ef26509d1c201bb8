from pathlib import Path

import numpy as np
import pytest

from edge.errors import ConfigError, ModelError
from edge.infer.classifier import (
    ClassifierOutput,
    ClassifierSettings,
    ModelPath,
    TFLiteClassifier,
    open_classifier,
)
from edge.model_card import ModelCard, load_card
from edge.tflite import Runtime, Tensor, TFLiteModel
from edge.types import GrayImage, Probabilities
from tests.edge.infer.models import copy_brightness, copy_model, copy_overflow

CROPS = list(np.random.default_rng(0).integers(0, 255, (3, 48, 48), dtype=np.uint8))


def outputs(model: Path | str, crops: list[GrayImage]) -> ClassifierOutput:
    return open_classifier(ClassifierSettings(ModelPath(model))).classify(crops)


def classify(model: Path | str, crops: list[GrayImage]) -> Probabilities:
    return outputs(model, crops).probabilities


def gray(value: int) -> GrayImage:
    return np.full((48, 48), value, dtype=np.uint8)


def test_each_row_holds_probabilities_that_sum_to_one() -> None:
    probabilities = classify("shallow-int8", CROPS)
    assert probabilities.shape == (3, 8)
    assert probabilities.sum(axis=1) == pytest.approx([1, 1, 1], abs=1e-5)


def test_a_face_gets_the_same_probabilities_alone_and_in_company() -> None:
    together = classify("shallow-int8", CROPS)
    assert np.array_equal(classify("shallow-int8", CROPS[1:2])[0], together[1])


def test_no_faces_are_no_rows() -> None:
    output = outputs("shallow-int8", [])
    assert (output.probabilities.shape, output.face_scores.shape) == ((0, 8), (0,))


def test_the_offsets_of_the_card_make_rare_classes_likelier(tmp_path: Path) -> None:
    offsets = [0.0, 1.5, 0, 0, 0, 0, 0, 0]
    (tmp_path / "offset").mkdir()
    model = copy_model(tmp_path / "offset", output={"offsets": offsets, "temperature": 1.0})
    (tmp_path / "plain").mkdir()
    plain = classify(copy_model(tmp_path / "plain", output={"temperature": 1.0}), CROPS)
    odds = classify(model, CROPS) / plain
    assert odds[:, 1] / odds[:, 0] == pytest.approx([np.exp(1.5)] * 3, rel=1e-3)


def test_the_mirror_image_is_read_too_and_averaged_where_that_is_asked_for() -> None:
    classifier = open_classifier(ClassifierSettings())
    crop = np.zeros((48, 48), dtype=np.uint8)
    crop[:, :24] = np.linspace(60, 200, 48, dtype=np.uint8)[:, None]
    one, other = (classifier.classify([look]) for look in (crop, crop[:, ::-1]))
    both = classifier.classify([crop], mirror=True)
    assert not np.allclose(one.probabilities, other.probabilities, atol=1e-3)
    mean = np.sqrt(one.probabilities * other.probabilities)
    assert both.probabilities == pytest.approx(mean / mean.sum(), abs=1e-5)
    assert both.face_scores == min(one.face_scores, other.face_scores)


def test_a_model_without_a_face_output_takes_every_crop_for_a_face(tmp_path: Path) -> None:
    class WithoutFace(TFLiteModel):
        """Keeps the face output to itself."""

        def __init__(self, path: Path) -> None:
            super().__init__(path, Runtime.LITERT)
            self._outputs = [one for one in self._outputs if one["shape"][1] == 8]
            self.outputs = tuple(one for one in self.outputs if one.shape[1] == 8)

    model = copy_model(tmp_path, face=None)
    classifier = TFLiteClassifier(model, load_card(model, ModelCard), WithoutFace(model))
    assert classifier.classify(CROPS).face_scores.tolist() == [1, 1, 1]


def test_a_model_with_one_tells_how_surely_each_crop_is_a_face(tmp_path: Path) -> None:
    output = outputs(copy_brightness(tmp_path), [gray(0), gray(128), gray(255)])
    assert output.face_scores == pytest.approx([0.0, 0.5, 1.0], abs=0.02)
    assert output.probabilities.shape == (3, 3)
    assert output.probabilities.argmax(axis=1)[[0, 2]].tolist() == [1, 0]


def test_the_threshold_of_the_settings_goes_before_the_cards(tmp_path: Path) -> None:
    model = ModelPath(copy_brightness(tmp_path))
    cards = [open_classifier(ClassifierSettings(model, face_threshold=t)).card for t in (None, 0.9)]
    assert [card.face.threshold for card in cards if card.face] == [0.5, 0.9]


def test_a_threshold_for_a_model_that_tells_no_faces_is_refused(tmp_path: Path) -> None:
    model = ModelPath(copy_model(tmp_path, face=None))
    with pytest.raises(ConfigError, match="face_threshold: shallow-int8 does not tell faces"):
        open_classifier(ClassifierSettings(model, face_threshold=0.5))


def test_float32_and_int8_agree() -> None:
    difference = classify("shallow-float32", CROPS) - classify("shallow-int8", CROPS)
    assert np.abs(difference).max() < 0.15


def test_a_higher_temperature_is_more_modest_and_keeps_the_order(tmp_path: Path) -> None:
    hot = classify(copy_model(tmp_path, output={"temperature": 3.0}), CROPS)
    cold = classify("shallow-int8", CROPS)
    assert (hot.max(axis=1) < cold.max(axis=1)).all()
    assert (hot.argmax(axis=1) == cold.argmax(axis=1)).all()


class Fixed(TFLiteModel):
    """Answers every face with the same shares, and keeps what it was given."""

    def __init__(self, path: Path, *shares: float) -> None:
        super().__init__(path, Runtime.LITERT)
        self._shares = np.array([shares], dtype=np.float32)

    def invoke(self, batch: Tensor) -> list[Probabilities]:
        self.batch = batch
        return [
            self._shares if form.shape[1] == 8 else self._shares[:, :1] for form in self.outputs
        ]


def fixed(directory: Path, kind: str, temperature: float, *shares: float) -> Probabilities:
    """Return what is made of a model's answers by a card."""
    model = copy_model(directory, output={"kind": kind, "temperature": temperature})
    classifier = TFLiteClassifier(model, load_card(model, ModelCard), Fixed(model, *shares))
    return np.asarray(classifier.classify(CROPS).probabilities[2])


def test_probabilities_are_taken_as_they_are_or_made_more_modest(tmp_path: Path) -> None:
    shares = 0.4, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.0
    probabilities = fixed(tmp_path, "probabilities", 1.0, *shares)
    assert probabilities == pytest.approx(shares, abs=0.003)
    modest = fixed(tmp_path, "probabilities", 2.0, *shares)
    assert modest[0] / modest[1] == pytest.approx(2.0, rel=1e-3)


def test_sigmoids_are_scaled_to_sum_to_one(tmp_path: Path) -> None:
    probabilities = fixed(tmp_path, "sigmoids", 1.0, 0.9, 0.3, 0.3, 0.1, 0.1, 0.1, 0.1, 0.1)
    assert probabilities.sum() == pytest.approx(1)
    assert probabilities[:3] == pytest.approx([0.45, 0.15, 0.15])


def test_values_above_one_are_no_sigmoids(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="expected sigmoids as its card says"):
        fixed(tmp_path, "sigmoids", 1.0, 1.2, *[0.1] * 7)


def test_an_integer_input_is_scaled_rounded_and_kept_within_its_range(tmp_path: Path) -> None:
    model = copy_model(tmp_path, input={"scale": 1.004, "offset": -1.4})
    network = Fixed(model, *[0.1] * 8)
    TFLiteClassifier(model, load_card(model, ModelCard), network).classify(
        [np.tile(np.array([0, 2, 255], np.uint8), (48, 16))]
    )
    assert network.batch.dtype == np.uint8
    assert network.batch[0, 0, :3, 0].tolist() == [0, 1, 255]


def test_logits_that_a_card_calls_probabilities_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="expected probabilities as its card says, found values"):
        classify(copy_model(tmp_path, output={"kind": "probabilities"}), CROPS)


def test_a_card_may_scale_the_input(tmp_path: Path) -> None:
    class Recording(TFLiteModel):
        """Keeps what the model was given."""

        def invoke(self, batch: Tensor) -> list[Probabilities]:
            self.batch = batch
            return super().invoke(batch)

    model = copy_model(tmp_path, input={"scale": 0.5, "offset": 1.0})
    network = Recording(model, Runtime.LITERT)
    TFLiteClassifier(model, load_card(model, ModelCard), network).classify(
        [np.full((48, 48), 100, np.uint8)]
    )
    assert network.batch.dtype == np.uint8
    assert (network.batch == 51).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": ["a", "b"]}, r"expected output \(1, 2\) int8 and \(1, 1\) int8 as its card says"),
        ({"input": {"shape": [64, 64, 1]}}, r"expected input \(1, 64, 64, 1\) uint8 as its card says"),
        ({"input": {"dtype": "float32"}}, r"float32 as its card says, found \(1, 48, 48, 1\) uint8"),
        ({"output": {"dtype": "float32"}}, r"expected output \(1, 8\) float32"),
        ({"face": {"dtype": "float32"}}, r"expected output \(1, 8\) int8 and \(1, 1\) float32"),
    ],
)  # fmt: skip
def test_a_card_that_contradicts_its_model_is_refused(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        classify(copy_model(tmp_path, **changes), CROPS)
    assert caught.value.exit_code == 78


@pytest.mark.parametrize("changes", [{"face": None}, {"face": {"dtype": "float32"}}])
def test_a_face_output_that_the_card_describes_otherwise_is_refused(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    with pytest.raises(ModelError, match=r"expected output .* as its card says, found .*\(1, 1\)"):
        classify(copy_brightness(tmp_path, **changes), CROPS)


def test_an_unknown_model_is_told_with_the_known_ones() -> None:
    with pytest.raises(ModelError, match=r"one of .*shallow-float32, shallow-int8"):
        classify("deep-int4", CROPS)


def test_an_answer_that_is_not_finite_is_a_fault_of_the_model_and_no_label(tmp_path: Path) -> None:
    classifier = open_classifier(ClassifierSettings(ModelPath(copy_overflow(tmp_path))))
    assert classifier.classify([gray(150)]).probabilities[0].tolist() == pytest.approx([1 / 3] * 3)
    with pytest.raises(
        ModelError, match=r"overflow\.tflite: expected answers that are finite numbers, found inf"
    ) as caught:
        classifier.classify([gray(150), gray(250)])
    assert caught.value.exit_code == 78


def test_a_model_that_answers_nothing_finite_is_refused_when_it_is_opened(tmp_path: Path) -> None:
    model = copy_overflow(tmp_path, input={"dtype": "float32", "offset": 100.0})
    with pytest.raises(ModelError, match=r"overflow\.tflite: expected answers that are finite"):
        open_classifier(ClassifierSettings(ModelPath(model)))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_finite_logits_that_overflow_on_the_way_to_probabilities_are_none(tmp_path: Path) -> None:
    """At 202.5 the logits are 2.5e38, and beyond float32 once they are divided by a half."""
    model = copy_overflow(tmp_path, output={"dtype": "float32", "temperature": 0.5})
    crop = np.full((48, 48), 202, dtype=np.uint8)
    crop[::2] = 203
    with pytest.raises(ModelError, match=r"overflow\.tflite: expected answers that are finite"):
        classify(model, [crop])
