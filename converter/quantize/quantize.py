"""Quantization: .tflite files with cards made of a network, each verified before it is written."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.data import EXPRESSIONS, Dataset, Usage
from converter.data.label_sets import Selection, clear_votes, select_rows, vote_shares
from converter.evaluate.predictor import Logits, keras_values, resize, to_logits
from converter.evaluate.report import compute_metrics, fit_temperature, mcnemar
from converter.quantize import tflite
from converter.quantize.tflite import Precision
from converter.quantize.trained_model import LIMITS, TrainedModel
from converter.recipes import Augmentation
from converter.train.augmentation import augment
from edge.errors import ConfigError
from edge.infer.classifier import TFLiteClassifier
from edge.model_card import FaceOutput, ModelCard, ModelInput, ModelOutput, Speed
from edge.tflite import Runtime, TFLiteModel, sigmoid, softmax

MAX_LOSS = 0.003  # share of the rows that a conversion may lose against the network
MAX_CHANCE = 0.01  # that explains a greater loss (McNemar): of 3,589 rows ten say nothing
MIN_AGREEMENT = 0.9  # share of the rows to which a conversion has to give the network's class
LEAST_SHARE = 0.005  # share of the votes below which a class is not made likelier still
WEBCAM = Augmentation(spoilt=0.5, turn=20, smallest=0.9, largest=1.1, shift=0.05)
"""How the faces are varied on which, beside the faces as they are, the temperature is fitted: one
fitted on clean faces alone is too sure of everything else."""

FACES_KEPT = 0.98
"""Share of held-out faces that the face output's threshold lets pass: in FER2013 one in fifty is
covered, drawn or none (docs/research/expressions.md)."""

_replace = msgspec.structs.replace


class FloatReference(NamedTuple):
    """The float network's answers for the held-out faces."""

    pixels: NDArray[np.uint8]  # (n, side, side)
    logits: Logits  # with the offsets
    offsets: tuple[float, ...] = ()  # the prior correction, if there is one
    rows: Selection | None = None  # with true classes, if the data knows any of its classes


class ConversionResult(NamedTuple):
    """One .tflite and what its verification found."""

    card: ModelCard
    agreement: float | None = None  # share of the held-out faces with the network's class
    problems: tuple[str, ...] = ()  # why it should not be used


def quantize(
    model: TrainedModel,
    data: Dataset | None,
    directory: Path,
    name: str,
    precisions: Sequence[Precision] = (Precision.FLOAT32, Precision.INT8),
    *,
    force: bool = False,
) -> list[ConversionResult]:
    """Write a model of each precision, with its card, once all are verified.

    Training rows show int8 its ranges, PublicTest rows verify; without data nothing is measured but
    the time. Existing files, and models with problems, are written by force alone. ConfigError of
    int8 without data, ModelError where a file is there already, or an answer is not finite.
    """
    if Precision.INT8 in precisions and data is None:
        raise ConfigError("int8 needs faces that show the range of its activations; give --data")
    with ExitStack() as stack:
        targets = {one: directory / f"{name}-{one}.tflite" for one in precisions}
        paths = {
            precision: stack.enter_context(tflite.new_model(target, force))
            for precision, target in targets.items()
        }
        reference = None if data is None else float_reference(model, data)
        for precision, path in paths.items():
            examples = None
            if precision is Precision.INT8 and data is not None:
                training = data.split(Usage.TRAINING).without_non_faces()
                rows = _rows(model, training, Usage.TRAINING)
                classes = training.labels if rows is None else rows.classes
                faces = tflite.representative((rows or training).pixels, classes)
                examples = resize(faces, model.side)
            path.write_bytes(tflite.to_tflite(model.network, precision, examples))
        speeds = tflite.measure_speed(list(paths.values()))
        results = [
            verify(path, _describe(model, path, precision, speed), reference)
            for (precision, path), speed in zip(paths.items(), speeds, strict=True)
        ]
        for path, result in zip(paths.values(), results, strict=True):
            if force or not result.problems:
                tflite.write_card(path, result.card)
        return results


def _describe(
    model: TrainedModel, path: Path, precision: Precision, speed: tuple[Speed, ...]
) -> ModelCard:
    """Return the card of the .tflite at `path`, its temperature and metrics still to come."""
    integers = precision is Precision.INT8
    output: Literal["int8", "float32"] = "int8" if integers else "float32"
    entry: Literal["uint8", "float32"] = "uint8" if integers else "float32"
    return ModelCard(
        **tflite.describe_file(path, model.network),
        labels=model.label_set.labels,
        label_set=model.label_set_name,
        input=ModelInput((model.side, model.side, 1), entry, 1.0, 0.0, "gray"),
        output=ModelOutput(model.kind, output, temperature=1.0),
        face=FaceOutput(output, threshold=0.5) if len(model.network.outputs) > 1 else None,
        training_data=model.training_data,
        measured=(),
        licence=model.license,
        limits=LIMITS,
        speed=speed,
    )


def _rows(model: TrainedModel, data: Dataset, usage: Usage) -> Selection | None:
    """Return the rows of a split whose class the model knows; None where its labels are its own."""
    if not set(model.label_set.labels) & set(EXPRESSIONS):
        return None
    return select_rows(data, usage, model.protocol, model.label_set)


def float_reference(model: TrainedModel, data: Dataset) -> FloatReference:
    """Run the network on the PublicTest rows; DataError as `select_rows`."""
    rows = _rows(model, data, Usage.PUBLIC_TEST)
    pixels = resize((rows or data.split(Usage.PUBLIC_TEST)).pixels, model.side)
    logits = to_logits(keras_values(model.network, pixels), model.kind)
    offsets = prior_correction(data, model.prior_power) if model.prior_power else ()
    return FloatReference(pixels, logits + np.array(offsets or 0.0, "float32"), offsets, rows)


def prior_correction(data: Dataset, power: float) -> tuple[float, ...]:
    """Return the correction of FER+'s logits for classes that are rare among Training's votes.

    As logit adjustment (Menon et al. 2021, arXiv:2007.07314), but classes with more than an even
    share are not held down: that costs neutral faces, and wins nothing.
    """
    votes = clear_votes(data.split(Usage.TRAINING).without_non_faces())
    shares = vote_shares(votes, np.zeros_like(votes)).sum(axis=0, dtype=np.float64)
    offsets = -power * np.log(np.clip(shares / shares.sum(), LEAST_SHARE, 1 / len(shares)))
    return tuple(np.round(offsets - offsets.min(), 4).tolist())


def verify(path: Path, card: ModelCard, reference: FloatReference | None) -> ConversionResult:
    """Run the .tflite at `path` as the daemon would, compare it, and complete its card."""
    if reference is None:
        return ConversionResult(card)
    card = _replace(card, output=_replace(card.output, offsets=reference.offsets))
    classifier = TFLiteClassifier(path, card, TFLiteModel(path, Runtime.LITERT))
    logits, face = classifier.outputs(list(reference.pixels))
    problems = disagreements(card, logits, reference)
    if card.face is not None and face is not None:
        card = _replace(card, face=_replace(card.face, threshold=fit_threshold(sigmoid(face))))
    if reference.rows is not None:
        card = with_measurements(classifier, card, logits, reference.rows)
    agreement = (logits.argmax(axis=1) == reference.logits.argmax(axis=1)).mean()
    return ConversionResult(card, float(agreement), problems)


def with_measurements(
    classifier: TFLiteClassifier, card: ModelCard, logits: Logits, rows: Selection
) -> ModelCard:
    """Return a card with accuracy, and the likeliest temperature of rows as they are and spoilt."""
    varied = augment(rows.pixels, WEBCAM, np.random.default_rng(0))
    others, _ = classifier.outputs(list(resize(varied, card.input.shape[0])))
    temperature = fit_temperature(np.concatenate([logits, others]), np.tile(rows.classes, 2))
    values = softmax(logits, temperature)
    measured = (
        compute_metrics(name, values[mask], rows.classes[mask], card.labels)
        for name, mask in rows.parts().items()
    )
    output = _replace(card.output, temperature=temperature)
    return _replace(card, output=output, measured=tuple(measured))


def fit_threshold(faces: NDArray[np.float32]) -> float:
    """Return the highest threshold, to two digits, that lets 98 % of the faces' scores pass."""
    lowest = float(np.quantile(faces, 1 - FACES_KEPT, method="lower"))
    return float(np.floor(lowest * 100) / 100)


def disagreements(card: ModelCard, logits: Logits, reference: FloatReference) -> tuple[str, ...]:
    """Return, in words, where a .tflite and its network disagree too much, compared row by row."""
    before, after = reference.logits.argmax(axis=1), logits.argmax(axis=1)
    agreement, found = float((before == after).mean()), []
    if agreement < MIN_AGREEMENT:
        found.append(
            f"{card.name}: expected to agree with the network on {MIN_AGREEMENT:.0%} of the faces, "
            f"found {agreement:.1%}"
        )
    if reference.rows is not None:
        classes = reference.rows.classes
        right, kept = before == classes, after == classes
        loss = float(right.mean() - kept.mean())
        if loss > MAX_LOSS + 1e-9 and mcnemar(right, kept) < MAX_CHANCE:
            falls = np.bincount(classes[right & ~kept], minlength=len(card.labels))
            found.append(
                f"{card.name}: expected to lose at most {MAX_LOSS:.1%} of {reference.rows.name}, "
                f"found {kept.mean():.2%} against {right.mean():.2%} in the network, more than "
                f"chance explains (most of {card.labels[int(np.argmax(falls))]})"
            )
    return tuple(found)
