"""A model to be measured: its labels, its temperature, and logits for faces."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from converter.data.label_sets import LabelSet
from converter.evaluate.metrics import Logits
from converter.evaluate.selection import label_set_of
from edge.infer.classifier import ClassifierSettings, ModelPath, TFLiteClassifier, open_classifier

Run = Callable[[NDArray[np.uint8]], Logits]


@dataclass(frozen=True, slots=True)
class Predictor:
    """A model as the evaluation sees it, whatever file it came from.

    Attributes:
        name: of the model.
        label_set: its classes, in the order of its output.
        temperature: what its card divides the logits by; 1 where it has none.
        logits: from faces, uint8 (n, 48, 48), to logits, float32 (n, classes); where the model
            gives probabilities, their logarithms.
    """

    name: str
    label_set: LabelSet
    temperature: float
    logits: Run


def open_tflite(path: Path) -> Predictor:
    """Open a .tflite with its card beside it, as the daemon would.

    Raises:
        ModelError: it is missing, damaged, or not what its card says.
        DataError: its labels are not those of the data.
    """
    classifier = open_classifier(ClassifierSettings(ModelPath(path)))
    card = classifier.card
    temperature = card.output.temperature if card.output.kind == "logits" else 1.0
    label_set = label_set_of(path, card.labels, card.label_set)
    return Predictor(card.name, label_set, temperature, _run(classifier))


def as_logits(values: NDArray[np.float32]) -> Logits:
    """Return logits for `values` (n, classes), which are logits already or probabilities.

    Rows without a negative value that all sum to 1 are probabilities.
    """
    if (values >= 0).all() and np.allclose(values.sum(axis=1), 1, atol=1e-3):
        return log(values)
    return values


def log(probabilities: NDArray[np.float32]) -> Logits:
    """Return the logits, float32 (n, classes), whose softmax is `probabilities`."""
    tiny = np.finfo(np.float32).tiny
    return np.log(np.maximum(probabilities, tiny)).astype(np.float32)


def resize(faces: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return `faces` (n, height, width) as the daemon would crop them for a model of that side."""
    if faces.shape[1] == side:
        return faces
    method = cv2.INTER_AREA if faces.shape[1] > side else cv2.INTER_LINEAR
    sized = [cv2.resize(face, (side, side), interpolation=method) for face in faces]
    return np.array(sized, dtype=np.uint8)


def _run(classifier: TFLiteClassifier) -> Run:
    """Take the daemon's own way to the output: what is measured is what it will say."""
    entry, kind = classifier.card.input, classifier.card.output.kind

    def logits(faces: NDArray[np.uint8]) -> Logits:
        values, _ = classifier.outputs(list(resize(faces, entry.shape[0])))
        return values if kind == "logits" else log(values)

    return logits
