"""Import of .tflite files made elsewhere: a card is written, the file stays as it is."""

from pathlib import Path
from shutil import copyfile

import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.data.label_sets import Selection
from converter.evaluate.predictor import Logits, output_kind, resize
from converter.quantize.description import ModelDescription
from converter.quantize.keras_import import refuse_other_forms
from converter.quantize.quantize import ConversionResult, with_measurements
from converter.quantize.tflite import measure_speed, refuse_existing, write_card
from converter.quantize.trained_model import CONVERTED, LIMITS, probe_images
from edge.errors import ConfigError, ModelError
from edge.infer.classifier import TFLiteClassifier
from edge.model_card import ModelCard, ModelInput, ModelOutput, card_path
from edge.paths import sha256
from edge.tflite import Runtime, TFLiteModel


def open_tflite(path: Path, description: ModelDescription) -> TFLiteClassifier:
    """Load a .tflite with a card that has no temperature and no metrics yet.

    Raises:
        ModelError: it is not one that the daemon can run, or answers with NaN.
        ConfigError: the scaling is not the same for all pixels.
    """
    refuse_other_forms(path)
    model, labels = TFLiteModel(path, Runtime.LITERT), description.labels
    shape, outputs = model.input.shape, [one.shape for one in model.outputs]
    square = len(shape) == 4 and shape[1] == shape[2] and shape[3] in (1, 3)
    if not square or outputs != [(1, len(labels))]:
        form = f"one input (1, side, side, 1 or 3) and one output (1, {len(labels)})"
        found = f"outputs {outputs} of an input {model.input}; is it a model of these --labels?"
        raise ModelError(f"{path}: expected {form}, found {found}")
    scale, offset = description.scaling.for_shape(shape[1], shape[3])
    if scale.ndim or offset.ndim:
        raise ConfigError("--mean, --std: expected one number for a .tflite; give their average")
    step, zero = model.input_scale
    # Integers stand for real values by the file's own scale.
    factor, added = float(scale) / (step or 1), float(offset) / (step or 1) + (step and zero)
    entry = ModelInput(shape[1:], model.input.dtype, factor, added, "gray")  # type: ignore[arg-type]
    card = ModelCard(
        name=path.stem,
        labels=labels,
        input=entry,
        output=ModelOutput("logits", model.outputs[0].dtype, temperature=1.0),  # type: ignore[arg-type]
        sha256=sha256(path),
        size=path.stat().st_size,
        parameters=0,
        multiply_adds=0,
        training_data=CONVERTED.format(path.name),
        measured=(),
        licence="Unknown: that of the file.",
        limits=LIMITS,
    )
    values, _ = TFLiteClassifier(path, card, model).outputs(list(probe_images(shape[1])))
    output = msgspec.structs.replace(card.output, kind=output_kind(values))
    return TFLiteClassifier(path, msgspec.structs.replace(card, output=output), model)


def answers(path: Path, description: ModelDescription, faces: NDArray[np.uint8]) -> Logits:
    """Return the logits, float32 (n, classes), of faces scaled as described."""
    classifier = open_tflite(path, description)
    return classifier.outputs(list(resize(faces, classifier.card.input.shape[0])))[0]


def import_tflite(
    path: Path,
    description: ModelDescription,
    rows: Selection | None,
    target: Path,
    force: bool = False,
) -> ConversionResult:
    """Write the card of a .tflite, measured on `rows`, and copy it to `target`, unless it is there.

    ModelError where another file or a card is there already; otherwise as `open_tflite`.
    """
    stays = target.exists() and target.samefile(path)
    if not force:
        refuse_existing(card_path(target) if stays else target)
    classifier = open_tflite(path, description)
    speed = measure_speed([path])[0]
    card = msgspec.structs.replace(classifier.card, name=target.stem, speed=speed)
    if rows is not None:
        logits = answers(path, description, rows.pixels)
        card = with_measurements(classifier, card, logits, rows)
    if not stays:
        copyfile(path, target)
    write_card(target, card)
    return ConversionResult(card)
