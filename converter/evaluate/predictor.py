"""Models to be measured: the labels, the temperature and the logits of a .tflite or a .keras."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from converter.data.label_sets import LABEL_SETS, LabelSet, label_set_for
from converter.recipes import Recipe
from converter.train.run_dir import RECIPE, load_network, read_recipe
from edge.errors import ConfigError, ModelError
from edge.infer.classifier import ClassifierSettings, ModelPath, open_classifier

Logits = NDArray[np.float32]
OutputKind = Literal["logits", "probabilities", "sigmoids"]  # as a card names them


class Predictor(NamedTuple):
    """A model as the evaluation sees it, whatever file it came from."""

    name: str
    label_set: LabelSet
    temperature: float  # what its card divides the logits by; 1 where it has none
    logits: Callable[[NDArray[np.uint8]], Logits]  # of faces, uint8 (n, 48, 48)


def open_tflite(path: Path) -> Predictor:
    """Open a .tflite as the daemon would; errors as `open_classifier` and `label_set_for`."""
    classifier = open_classifier(ClassifierSettings(ModelPath(path)))
    card = classifier.card

    def logits(faces: NDArray[np.uint8]) -> Logits:
        # The daemon's own way to the output: what is measured is what it will say.
        return classifier.outputs(list(resize(faces, card.input.shape[0])))[0]

    label_set = label_set_for(path, card.labels, card.label_set)
    return Predictor(card.name, label_set, card.output.temperature, logits)


def open_keras(path: Path, labels: tuple[str, ...] | None) -> Predictor:
    """Open a `.keras` file that takes gray values 0-255, (n, side, side, 1).

    The output named `logits` is measured, or the only one. Without labels, `recipe.json` beside the
    file tells them, which `emotiond-convert train` writes: a ConfigError without either. ModelError
    where the file is no network, or does not give one value for each label.
    """
    import keras

    try:
        name = None if labels else read_recipe(path.parent, Recipe).label_set
    except (OSError, ValueError) as error:
        found = f"labels are unknown ({RECIPE} beside it: {error})"
        raise ConfigError(f"{path}: {found}; give --labels, such as angry,happy,sad") from error
    label_set = LABEL_SETS[name] if name else label_set_for(path, labels or ())
    network = load_network(path)
    shape = (None, len(label_set.labels))
    outputs = dict(zip(network.output_names, network.outputs, strict=True))
    chosen = outputs.get("logits", network.outputs[0] if len(outputs) == 1 else None)
    if chosen is None or tuple(chosen.shape) != shape:
        found = ", ".join(f"{name} {tuple(one.shape)}" for name, one in outputs.items())
        raise ModelError(f"{path}: expected an output logits {shape}, found {found}")
    head = keras.Model(network.inputs, chosen)

    def logits(faces: NDArray[np.uint8]) -> Logits:
        values = keras_values(head, faces)
        return to_logits(values, output_kind(values))

    # A training calls every file model.keras: its folder says which.
    title = path.resolve().parent.name if path.stem == "model" else path.stem
    return Predictor(title, label_set, 1.0, logits)


def output_kind(values: NDArray[np.float32]) -> OutputKind:
    """Tell what the answers of a network, (n, classes), are by their range and their sums."""
    if values.min() < 0 or values.max() > 1.001:
        return "logits"
    return "probabilities" if np.allclose(values.sum(axis=1), 1, atol=0.05) else "sigmoids"


def to_logits(values: NDArray[np.float32], kind: OutputKind) -> Logits:
    """Return logits, float32 (n, classes): the logarithms of values that are none themselves."""
    tiny = np.finfo(np.float32).tiny
    return values if kind == "logits" else np.log(np.maximum(values, tiny)).astype(np.float32)


def resize(faces: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return `faces` (n, height, width) as the daemon would crop them for a model of that side."""
    if faces.shape[1] == side:
        return faces
    method = cv2.INTER_AREA if faces.shape[1] > side else cv2.INTER_LINEAR
    sized = [cv2.resize(face, (side, side), interpolation=method) for face in faces]
    return np.array(sized, dtype=np.uint8)


def keras_values(network: Any, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the first output, float32 (n, classes), of resized faces, uint8 (n, height, width)."""
    sized = resize(faces, network.input_shape[1])[..., None]
    answers = network.predict(sized, batch_size=256, verbose=0)
    return np.asarray(answers[0] if isinstance(answers, list) else answers, dtype=np.float32)
