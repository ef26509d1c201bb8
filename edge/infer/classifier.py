"""From face crops to probabilities, as the model's card directs."""

from collections.abc import Sequence
from pathlib import Path, PosixPath
from typing import Protocol

import msgspec
import numpy as np

from edge.assets import find_model
from edge.errors import ModelError
from edge.infer.calibration import softmax
from edge.infer.card import ModelCard, load_card
from edge.infer.runtime import Network, Runtime, Tensor
from edge.records import GreyImage, Probabilities


class ModelPath(PosixPath):
    """The path of a .tflite file, or the bare name of a shipped model."""


class ClassifierSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which model classifies, and what runs it.

    Attributes:
        model: the name of a shipped model, or a path ending in .tflite with its card beside it.
    """

    model: ModelPath = ModelPath("shallow-int8")
    runtime: Runtime = Runtime.LITERT


class Classifier(Protocol):
    """Names the expression of faces."""

    @property
    def card(self) -> ModelCard:
        """What the classifier is."""

    def classify(self, crops: Sequence[GreyImage]) -> Probabilities:
        """Return the probability of each class for each crop, float32 (n, classes)."""


class TFLiteClassifier:
    """A .tflite model, run one face after another.

    One by one rather than as one batch: even a batch allocated before saves at most 3 %, and each
    count of faces would need one; docs/architecture.md has the figures.

    Raises:
        ModelError: the model does not agree with its card; the text says what was expected.
    """

    def __init__(self, path: Path, card: ModelCard, network: Network) -> None:
        self.card = card
        self._network = network
        _expect(path, "input shape", (1, *card.input.shape), network.input_shape)
        _expect(path, "input dtype", card.input.dtype, network.input_dtype)
        _expect(path, "output shape", (1, len(card.labels)), network.output_shape)
        _expect(path, "output dtype", card.output.dtype, network.output_dtype)
        self._check_kind(path)

    def classify(self, crops: Sequence[GreyImage]) -> Probabilities:
        """Return the probability of each class for each crop, float32 (n, classes)."""
        if not crops:
            return np.empty((0, len(self.card.labels)), dtype=np.float32)
        values = np.concatenate([self._network.invoke(self._prepare(crop)) for crop in crops])
        if self.card.output.kind == "logits":
            return softmax(values, self.card.output.temperature)
        return values

    def _check_kind(self, path: Path) -> None:
        """Look at one answer: a card that calls logits probabilities would publish nonsense."""
        side = self.card.input.shape[0]
        answer = self.classify([np.full((side, side), 128, dtype=np.uint8)])
        if answer.min() < 0 or abs(float(answer.sum()) - 1) > 0.05:
            found = f"values that sum to {float(answer.sum()):.2f}"
            raise ModelError(f"{path}: expected probabilities as its card says, found {found}")

    def _prepare(self, crop: GreyImage) -> Tensor:
        """Shape and scale one crop as the card says; a uint8 model takes it as it is."""
        entry = self.card.input
        batch: Tensor = crop.reshape(1, *entry.shape)
        if (entry.scale, entry.offset) != (1.0, 0.0):
            batch = batch * np.float32(entry.scale) + np.float32(entry.offset)
        return batch.astype(entry.dtype, copy=False)


def open_classifier(settings: ClassifierSettings) -> TFLiteClassifier:
    """Load the model that `settings` name.

    Raises:
        ModelError: it is missing, damaged, or not what its card says.
        ConfigError: the runtime is not installed.
    """
    path = find_model(settings.model)
    card = load_card(path)
    return TFLiteClassifier(path, card, Network(path, settings.runtime))


def _expect(path: Path, what: str, expected: object, found: object) -> None:
    if expected != found:
        raise ModelError(f"{path}: expected {what} {expected} as its card says, found {found}")
