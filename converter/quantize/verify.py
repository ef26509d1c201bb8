"""A .tflite measured against the network it was made from."""

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.data import EXPRESSIONS, Dataset, Usage
from converter.data.label_sets import clear_votes, vote_shares
from converter.evaluate.metrics import Logits, fit_temperature, measure
from converter.evaluate.predictor import resize
from converter.evaluate.selection import Selection, select
from converter.quantize.trained_model import Export
from converter.recipes import Augmentation
from converter.train.augmentation import augment
from edge.infer.classifier import TFLiteClassifier
from edge.model_card import Accuracy, ModelCard
from edge.tflite import Runtime, TFLiteModel, sigmoid, softmax
from edge.types import Probabilities

MAX_LOSS = 0.003
"""Share of the rows that a conversion may lose against the network."""

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
class Reference:
    """What the network itself says of the held-out faces.

    Attributes:
        pixels: uint8 (n, side, side).
        logits: its first output with the offsets, float32 (n, classes).
        offsets: the prior correction, for the card; empty where there is none.
        rows: the faces with their true classes; None where the data knows none of its classes.
        accuracy: of the network on them, its probabilities not scaled by a temperature.
    """

    pixels: NDArray[np.uint8]
    logits: Logits
    offsets: tuple[float, ...] = ()
    rows: Selection | None = None
    accuracy: Accuracy | None = None


@dataclass(frozen=True, slots=True)
class Conversion:
    """One .tflite and what was found of it.

    Attributes:
        card: with its figures.
        agreement: share of the held-out faces to which it gives the network's class; None where
            there was nothing to compare on.
    """

    card: ModelCard
    agreement: float | None = None


def reference(export: Export, data: Dataset) -> Reference:
    """Ask the network about the PublicTest rows.

    Raises:
        DataError: there are none, or FER+'s votes are needed and missing.
    """
    labels = export.label_set.labels
    if not set(labels) & set(EXPRESSIONS):
        pixels = resize(data.split(Usage.PUBLIC_TEST).pixels, export.side)
        return Reference(pixels, _ask(export, pixels))
    rows = select(data, Usage.PUBLIC_TEST, export.protocol, export.label_set)
    pixels = resize(rows.pixels, export.side)
    offsets = _prior_correction(data, export.prior_power) if export.prior_power else ()
    logits = _ask(export, pixels) + np.array(offsets or 0.0, dtype=np.float32)
    accuracy = measure(rows.name, softmax(logits, 1.0), rows.classes, labels)
    return Reference(pixels, logits, offsets, rows, accuracy)


def _prior_correction(data: Dataset, power: float) -> tuple[float, ...]:
    """Return what FER+'s logits are corrected by for the shares of its votes in Training."""
    votes = clear_votes(data.split(Usage.TRAINING).faces())
    shares = vote_shares(votes, np.zeros_like(votes)).sum(axis=0, dtype=np.float64)
    offsets = -power * np.log(np.maximum(shares / shares.sum(), LEAST_SHARE))
    return tuple(np.round(offsets - offsets.min(), 4).tolist())


def _ask(export: Export, pixels: NDArray[np.uint8]) -> Logits:
    faces = pixels[..., None].astype(np.float32)
    answers = export.network.predict(faces, batch_size=256, verbose=0)
    first = answers[0] if isinstance(answers, list) else answers
    return np.asarray(first, dtype=np.float32)


def verify(path: Path, card: ModelCard, against: Reference) -> Conversion:
    """Run the .tflite at `path` as the daemon would, and complete its card.

    The temperature makes the true classes likeliest, of the faces as they are and as a webcam may
    show them; the face output's threshold lets 98 % of the faces pass. Both are fitted on the rows
    they are given for.
    """
    card = _replace(card, output=_replace(card.output, offsets=against.offsets))
    classifier = TFLiteClassifier(path, card, TFLiteModel(path, Runtime.LITERT))
    values, face = classifier.outputs(list(against.pixels))
    agreement = float((values.argmax(axis=1) == against.logits.argmax(axis=1)).mean())
    if card.face is not None and face is not None:
        threshold = fit_threshold(sigmoid(face))
        card = _replace(card, face=_replace(card.face, threshold=threshold))
    if against.rows is not None:
        if card.output.kind == "logits":
            card = _tempered(card, classifier, values, against.rows)
            values = softmax(values, card.output.temperature)
        card = _measured(card, values, against.rows)
    return Conversion(card, agreement)


def fit_threshold(faces: NDArray[np.float32]) -> float:
    """Return the highest threshold, to two digits, that lets 98 % of the faces pass.

    Args:
        faces: the probability of being a face of crops that all are, (n,).
    """
    lowest = float(np.quantile(faces, 1 - FACES_KEPT, method="lower"))
    return float(np.floor(lowest * 100) / 100)


def losses(conversion: Conversion, against: Reference, max_loss: float = MAX_LOSS) -> list[str]:
    """Return, in words, what the .tflite lost beyond `max_loss`; nothing where all is well."""
    before, card = against.accuracy, conversion.card
    if before is None or conversion.agreement is None:
        return []
    after = card.measured[0]
    if before.accuracy - after.accuracy <= max_loss + 1e-9:
        return []
    return [
        f"{card.name}: expected to lose at most {max_loss * 100:.1f} points of {after.data}, found "
        f"{after.accuracy:.2%} against {before.accuracy:.2%} in float32 "
        f"({_worst(before, after)}; {conversion.agreement:.1%} of the rows agree)"
    ]


def _worst(before: Accuracy, after: Accuracy) -> str:
    """Name the class whose recall fell most."""
    falls = {name: before.recall[name] - share for name, share in after.recall.items()}
    name = max(falls, key=lambda label: falls[label])
    return f"{name} lost most, {falls[name] * 100:.1f} points of its recall"


def slowness(full: ModelCard, small: ModelCard) -> list[str]:
    """Return, in words, that the int8 model is slower than the float32 one on LiteRT."""
    times = [
        next(one.milliseconds for one in card.speed if one.runtime.startswith(Runtime.LITERT))
        for card in (full, small)
    ]
    if times[1] <= times[0]:
        return []
    return [
        f"{small.name}: expected to be no slower than float32 on LiteRT, found {times[1]} ms "
        f"against {times[0]} ms a face"
    ]


def _tempered(
    card: ModelCard, classifier: TFLiteClassifier, values: Logits, rows: Selection
) -> ModelCard:
    """Return the card with the temperature fitted on the rows and on varied copies of them."""
    rng = np.random.default_rng(0)
    side = card.input.shape[0]
    varied, _ = classifier.outputs(list(resize(augment(rows.pixels, WEBCAM, rng), side)))
    logits, classes = np.concatenate([values, varied]), np.tile(rows.classes, 2)
    temperature = fit_temperature(logits, classes)
    return _replace(card, output=_replace(card.output, temperature=temperature))


def _measured(card: ModelCard, values: Probabilities, rows: Selection) -> ModelCard:
    """Return the card with its accuracy, with and without copies."""
    found = (
        measure(name, values[mask], rows.classes[mask], card.labels)
        for name, mask in rows.parts().items()
    )
    return _replace(card, measured=tuple(found))


_replace = msgspec.structs.replace
