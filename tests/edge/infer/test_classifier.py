from pathlib import Path

import numpy as np
import pytest

from edge.errors import ModelError
from edge.infer.card import load_card
from edge.infer.classifier import ClassifierSettings, ModelPath, TFLiteClassifier, open_classifier
from edge.infer.runtime import Network, Runtime, Tensor
from edge.records import GreyImage, Probabilities
from tests.edge.infer.models import copy_model

CROPS = list(np.random.default_rng(0).integers(0, 255, (3, 48, 48), dtype=np.uint8))


def classify(model: Path | str, crops: list[GreyImage]) -> Probabilities:
    return open_classifier(ClassifierSettings(ModelPath(model))).classify(crops)


def test_each_row_holds_probabilities_that_sum_to_one() -> None:
    probabilities = classify("shallow-int8", CROPS)
    assert probabilities.shape == (3, 7)
    assert probabilities.sum(axis=1) == pytest.approx([1, 1, 1], abs=1e-5)


def test_a_face_gets_the_same_probabilities_alone_and_in_company() -> None:
    together = classify("shallow-int8", CROPS)
    assert np.array_equal(classify("shallow-int8", CROPS[1:2])[0], together[1])


def test_no_faces_are_no_rows() -> None:
    assert classify("shallow-int8", []).shape == (0, 7)


def test_float32_and_int8_agree() -> None:
    difference = classify("shallow-float32", CROPS) - classify("shallow-int8", CROPS)
    assert np.abs(difference).max() < 0.15


def test_a_higher_temperature_is_more_modest_and_keeps_the_order(tmp_path: Path) -> None:
    hot = classify(copy_model(tmp_path, output={"temperature": 3.0}), CROPS)
    cold = classify("shallow-int8", CROPS)
    assert (hot.max(axis=1) < cold.max(axis=1)).all()
    assert (hot.argmax(axis=1) == cold.argmax(axis=1)).all()


def test_probabilities_are_taken_as_they_are(tmp_path: Path) -> None:
    class Fixed(Network):
        """Answers every face with the same probabilities."""

        def invoke(self, batch: Tensor) -> Probabilities:
            return np.array([[0.4, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]], dtype=np.float32)

    model = copy_model(tmp_path, output={"kind": "probabilities"})
    classifier = TFLiteClassifier(model, load_card(model), Fixed(model, Runtime.LITERT))
    assert classifier.classify(CROPS)[2].tolist() == pytest.approx([0.4] + [0.1] * 6)


def test_logits_that_a_card_calls_probabilities_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="expected probabilities as its card says, found values"):
        classify(copy_model(tmp_path, output={"kind": "probabilities"}), CROPS)


def test_a_card_may_scale_the_input(tmp_path: Path) -> None:
    class Recording(Network):
        """Keeps what the model was given."""

        def invoke(self, batch: Tensor) -> Probabilities:
            self.batch = batch
            return super().invoke(batch)

    model = copy_model(tmp_path, input={"scale": 0.5, "offset": 1.0})
    network = Recording(model, Runtime.LITERT)
    TFLiteClassifier(model, load_card(model), network).classify([np.full((48, 48), 100, np.uint8)])
    assert network.batch.dtype == np.uint8
    assert (network.batch == 51).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": ["a", "b"]}, r"expected output shape \(1, 2\) as its card says, found \(1, 7\)"),
        ({"input": {"shape": [64, 64, 1]}}, r"expected input shape \(1, 64, 64, 1\)"),
        ({"input": {"dtype": "float32"}}, "expected input dtype float32 as its card says, found uint8"),
        ({"output": {"dtype": "float32"}}, "expected output dtype float32"),
    ],
)  # fmt: skip
def test_a_card_that_contradicts_its_model_is_refused(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        classify(copy_model(tmp_path, **changes), CROPS)
    assert caught.value.exit_code == 78


def test_an_unknown_model_is_told_with_the_known_ones() -> None:
    with pytest.raises(ModelError, match="one of shallow-float32, shallow-int8"):
        classify("deep-int4", CROPS)
