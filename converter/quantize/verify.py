"""Verification: a .tflite measured against the float network it was made from."""

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.data import EXPRESSIONS, Dataset, Usage
from converter.data.label_sets import Selection, clear_votes, select_rows, vote_shares
from converter.evaluate.metrics import compute_metrics, fit_temperature, mcnemar
from converter.evaluate.predictor import Logits, keras_values, resize, to_logits
from converter.quantize.trained_model import TrainedModel
from converter.recipes import Augmentation
from converter.train.augmentation import augment
from edge.errors import ModelError
from edge.infer.classifier import TFLiteClassifier
from edge.model_card import ModelCard
from edge.tflite import Runtime, TFLiteModel, sigmoid, softmax

MAX_LOSS, MAX_CHANCE = 0.003, 0.01
"""Share of the rows that a conversion may lose against the network, and how likely chance may
explain a loss above it (McNemar): of 3,589 rows ten more or fewer say nothing."""

MIN_AGREEMENT = 0.9
"""Share of the rows to which a conversion has to give the network's class."""

LEAST_SHARE = 0.005
"""Share of the votes below which a class is not made likelier still."""

WEBCAM = Augmentation(spoilt=0.5, turn=20, smallest=0.9, largest=1.1, shift=0.05)
"""How the faces are varied on which, beside the faces as they are, the temperature is fitted: one
fitted on clean faces alone is too sure of everything else."""

FACES_KEPT = 0.98
"""Share of held-out faces that the face output's threshold lets pass. In FER2013 one in fifty is
covered, drawn or none; at 0.98 half again as many covered faces and animals are refused as at 0.99
(docs/research/expressions.md)."""


@dataclass(frozen=True, slots=True)
class FloatReference:
    """The float network's answers for the held-out faces.

    Attributes:
        pixels: uint8 (n, side, side).
        logits: its first output with the offsets, float32 (n, classes).
        offsets: the prior correction, for the card; empty where there is none.
        rows: the faces with their true classes; None where the data knows none of its classes.
    """

    pixels: NDArray[np.uint8]
    logits: Logits
    offsets: tuple[float, ...] = ()
    rows: Selection | None = None


@dataclass(frozen=True, slots=True)
class ConversionResult:
    """One .tflite and what its verification found.

    Attributes:
        card: with its metrics.
        agreement: share of the held-out faces to which it gives the network's class; None where
            there was nothing to compare on.
        problems: why it should not be used, in words.
        note: what else is to be told of it; empty where nothing is.
    """

    card: ModelCard
    agreement: float | None = None
    problems: tuple[str, ...] = ()
    note: str = ""


def float_reference(model: TrainedModel, data: Dataset) -> FloatReference:
    """Run the network on the PublicTest rows.

    Raises:
        DataError: there are none, or FER+'s votes are needed and missing.
    """
    labels = model.label_set.labels
    if not set(labels) & set(EXPRESSIONS):
        pixels = resize(data.split(Usage.PUBLIC_TEST).pixels, model.side)
        return FloatReference(pixels, _network_logits(model, pixels))
    rows = select_rows(data, Usage.PUBLIC_TEST, model.protocol, model.label_set)
    pixels = resize(rows.pixels, model.side)
    offsets = prior_correction(data, model.prior_power) if model.prior_power else ()
    logits = _network_logits(model, pixels) + np.array(offsets or 0.0, dtype=np.float32)
    return FloatReference(pixels, logits, offsets, rows)


def prior_correction(data: Dataset, power: float) -> tuple[float, ...]:
    """Return the correction of FER+'s logits for classes that are rare among Training's votes.

    As logit adjustment (Menon et al. 2021, arXiv:2007.07314), but classes with more than an even
    share are not held down: on PublicTest that costs neutral faces (.84 in place of .89 found by
    shallow) and wins nothing.
    """
    votes = clear_votes(data.split(Usage.TRAINING).without_non_faces())
    shares = vote_shares(votes, np.zeros_like(votes)).sum(axis=0, dtype=np.float64)
    rare = np.clip(shares / shares.sum(), LEAST_SHARE, 1 / len(shares))
    offsets = -power * np.log(rare)
    return tuple(np.round(offsets - offsets.min(), 4).tolist())


def _network_logits(model: TrainedModel, pixels: NDArray[np.uint8]) -> Logits:
    return to_logits(keras_values(model.network, pixels), model.kind)


def verify(path: Path, card: ModelCard, reference: FloatReference) -> ConversionResult:
    """Run the .tflite at `path` as the daemon would, compare it, and complete its card.

    The face output's threshold lets 98 % of the faces pass; it is fitted on the rows it is given
    for, as the temperature is.

    Raises:
        ModelError: an answer is NaN or infinite.
    """
    card = _replace(card, output=_replace(card.output, offsets=reference.offsets))
    classifier = TFLiteClassifier(path, card, TFLiteModel(path, Runtime.LITERT))
    logits, face = classifier.outputs(list(reference.pixels))
    if not np.isfinite(logits).all():
        raise ModelError(
            f"{card.name}: expected finite answers, found NaN or infinity; choose another "
            "--precision than float16, which holds no number above 65,504"
        )
    problems = disagreements(card, logits, reference)
    if card.face is not None and face is not None:
        threshold = fit_threshold(sigmoid(face))
        card = _replace(card, face=_replace(card.face, threshold=threshold))
    if reference.rows is not None:
        card = with_measurements(classifier, card, logits, reference.rows)
    agreement = (logits.argmax(axis=1) == reference.logits.argmax(axis=1)).mean()
    return ConversionResult(card, float(agreement), problems)


def with_measurements(
    classifier: TFLiteClassifier, card: ModelCard, logits: Logits, rows: Selection
) -> ModelCard:
    """Return the card with temperature and accuracy, the latter with and without copies.

    The temperature makes the true classes likeliest, of the faces as they are and as a webcam may
    show them.

    Args:
        classifier: the model.
        card: to be completed.
        logits: its answers to the rows.
        rows: faces with their true classes.
    """
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
    """Return the highest threshold, to two digits, that lets 98 % of the faces pass.

    Args:
        faces: the probability of being a face of crops that all are, (n,).
    """
    lowest = float(np.quantile(faces, 1 - FACES_KEPT, method="lower"))
    return float(np.floor(lowest * 100) / 100)


def disagreements(card: ModelCard, logits: Logits, reference: FloatReference) -> tuple[str, ...]:
    """Return, in words, where a .tflite and its network disagree too much; empty where they agree.

    They are compared row by row: two accuracies by themselves differ by chance.
    """
    before, after = reference.logits.argmax(axis=1), logits.argmax(axis=1)
    agreement = float((before == after).mean())
    found = []
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
            falls = [(right & ~kept & (classes == one)).sum() for one in range(len(card.labels))]
            found.append(
                f"{card.name}: expected to lose at most {MAX_LOSS:.1%} of {reference.rows.name}, "
                f"found {kept.mean():.2%} against {right.mean():.2%} in the network, more than "
                f"chance explains (most of {card.labels[int(np.argmax(falls))]}; {agreement:.1%} "
                "of the rows agree)"
            )
    return tuple(found)


def compare_speed(full: ModelCard, small: ModelCard) -> str:
    """Return, in words, that int8 is slower than float32 on LiteRT; empty where it is not.

    It is so on x86 CPUs without VNNI: on such a machine, not of such a model.
    """
    times = [
        next(one.milliseconds for one in card.speed if one.runtime.startswith(Runtime.LITERT))
        for card in (full, small)
    ]
    if times[1] <= times[0]:
        return ""
    return f"slower than float32 on this machine: {times[1]} ms against {times[0]} ms a face"


_replace = msgspec.structs.replace
