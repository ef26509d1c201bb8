"""Expression classifier: face crops to probabilities, as the model's card directs."""

from collections.abc import Sequence
from pathlib import Path, PosixPath
from typing import Annotated, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.errors import ConfigError, ModelError, os_errors_as
from edge.infer.trial import try_model
from edge.model_card import ModelCard, Sha256, card_path, load_card
from edge.paths import find_model, sha256_of
from edge.tflite import Runtime, Tensor, TensorSpec, TFLiteModel, check_finite, sigmoid, softmax
from edge.types import GrayImage, Probabilities

Floats = NDArray[np.float32]
MAX_FACTOR = 4.0  # by which a class is lowered at most, however unusual the neutral face
MIN_PROBABILITY = 1e-4  # stands for any lower one: zeros have no logarithm
OFFSET = 3.0  # constant beside the logarithms that are read from, as large as these vary
Weight = Annotated[float, msgspec.Meta(ge=-float(np.log(MAX_FACTOR)), le=0.0)]
Mixed = Annotated[float, msgspec.Meta(ge=-10.0, le=10.0)]


class ModelPath(PosixPath):
    """The path of a .tflite file, or the bare name of a shipped model."""


class ClassifierSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Choice of the model, and of what runs it.

    Attributes:
        model: the name of a shipped model, or a path ending in .tflite with its card beside it.
        face_threshold: a crop less probably a face than this is rejected; None takes the card's.
        min_confidence: an expression less probable than this is `uncertain`, as ambiguous.
            Below a half an answer is wrong more often than right (docs/research/expressions.md).
        neutral_baseline: what `emotiond calibrate` wrote of the person to be watched, or None.
        valence_arousal: whether events tell both, derived from the probabilities (docs/models.md).
    """

    model: ModelPath = ModelPath("shallow-int8")
    runtime: Runtime = Runtime.LITERT
    face_threshold: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] | None = None
    min_confidence: Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)] = 0.5
    neutral_baseline: Path | None = None
    valence_arousal: bool = False


class NeutralBaseline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Correction of the model for one person: of the classes' prior, and of its last layer.

    Each class's probability is multiplied by exp(weight) (Saerens et al. 2002,
    doi:10.1162/089976602753284446). To the logarithm of that, `features` times `expressions` are
    added, and all are scaled to sum to 1 again.

    Attributes:
        model, sha256, labels: of the model that answered; the numbers mean nothing to another.
        crops: how many of its answers to a neutral face were averaged, 0 where none was seen.
        weights: one for each label; 0 leaves a class as it is.
        expressions: a row for each label and one for the offset, (labels + 1, labels), or none.
    """

    model: str
    sha256: Sha256
    labels: tuple[str, ...]
    crops: Annotated[int, msgspec.Meta(ge=0)]
    weights: tuple[Weight, ...]
    expressions: tuple[tuple[Mixed, ...], ...] = ()

    def __post_init__(self) -> None:
        labels = len(self.labels)
        if len(self.weights) != labels:
            raise ValueError("Expected as many `weights` as `labels`")
        if self.expressions and [*map(len, self.expressions)] != [labels] * (labels + 1):
            raise ValueError("Expected `expressions` of a row for each of the `labels`, and one")

    def correct(self, probabilities: Probabilities) -> Probabilities:
        """Return corrected probabilities, float32 (n, classes)."""
        logarithms = np.log(np.maximum(probabilities, np.finfo(np.float32).tiny))
        values = logarithms + np.array(self.weights, np.float32)
        if self.expressions:
            values = corrected(values, np.array(self.expressions))
        return softmax(values, 1.0)


def corrected(logarithms: Floats, expressions: NDArray[np.float64]) -> Floats:
    """Return logarithms, (n, classes), with what `NeutralBaseline.expressions` add to them."""
    return np.asarray(logarithms + features(logarithms) @ expressions, dtype=np.float32)


def features(logarithms: Floats) -> Floats:
    """Return what expressions are read from: logarithms less their mean, and `OFFSET`."""
    least = np.maximum(logarithms, np.float32(np.log(MIN_PROBABILITY)))
    beside = least - least.mean(axis=1, keepdims=True)
    return np.pad(beside, ((0, 0), (0, 1)), constant_values=OFFSET)


class ClassifierOutput(NamedTuple):
    """Answers of a classifier for n crops."""

    probabilities: Probabilities
    face_scores: Floats  # probability of a face, (n,); ones where the model tells none


class TFLiteClassifier:
    """A .tflite model, run on one face after another, and corrected by a baseline if there is one.

    Not as one batch: even a batch allocated before saves at most 3 %, and each count of faces would
    need one (docs/research/performance.md). One that does not match its card is a ModelError.
    """

    def __init__(
        self,
        path: Path,
        card: ModelCard,
        model: TFLiteModel,
        baseline: NeutralBaseline | None = None,
    ) -> None:
        self.card, self._path, self._model, self._baseline = card, path, model, baseline
        entry = TensorSpec((1, *card.input.shape), card.input.dtype)
        outputs = [TensorSpec((1, len(card.labels)), card.output.dtype)]
        if card.face is not None:
            outputs.append(TensorSpec((1, 1), card.face.dtype))
        self._order = model.match_signature(entry, outputs)
        self._offsets = np.array(card.output.offsets or 0.0, dtype=np.float32)
        # One answer is checked: a card that calls logits probabilities would publish nonsense.
        kind, side = card.output.kind, card.input.shape[0]
        answer = self._raw_outputs([np.full((side, side), 128, dtype=np.uint8)])[0]
        high = abs(float(answer.sum()) - 1) > 0.05 if kind == "probabilities" else answer.max() > 1
        if kind != "logits" and (answer.min() < 0 or high):
            found = f"values that sum to {float(answer.sum()):.2f}"
            raise ModelError(f"{path}: expected {kind} as its card says, found {found}")

    def classify(self, crops: Sequence[GrayImage], mirror: bool = False) -> ClassifierOutput:
        """Return the answers for each of the crops, gray uint8 (side, side) of the model's side.

        With `mirror`, each crop's mirror image is classified too, and both are averaged: it gained
        0.4 to 1.1 points of FER+'s majority on PublicTest (2026-11-29).
        """
        values, face = self.outputs(crops)
        if mirror:
            others, other_face = self.outputs([crop[:, ::-1] for crop in crops])
            values = (values + others) * np.float32(0.5)
            if face is not None and other_face is not None:
                face = np.minimum(face, other_face)  # what is no face one way round is none
        values = softmax(values, self.card.output.temperature)
        if self._baseline is not None:
            values = self._baseline.correct(values)
        check_finite(values, self._path)  # finite logits may overflow, and weights may all be 0
        scores = np.ones(len(crops), np.float32) if face is None else sigmoid(face)
        return ClassifierOutput(values, scores)

    def outputs(self, crops: Sequence[GrayImage]) -> tuple[Floats, Floats | None]:
        """Return logits, or logarithms, with offsets, (n, classes), and a face's, (n,), if any."""
        values, face = self._raw_outputs(crops)
        if self.card.output.kind != "logits":
            # The softmax of an integer model has steps of 1/256.
            least = np.finfo("f4").tiny if self.card.output.dtype == "float32" else 1 / 512
            values = np.log(np.maximum(values, np.float32(least)))
        return values + self._offsets, face

    def _raw_outputs(self, crops: Sequence[GrayImage]) -> tuple[Floats, Floats | None]:
        widths = [len(self.card.labels)] + [1] * (self.card.face is not None)
        rows = [self._model.invoke(self._prepare(crop)) for crop in crops]
        values, *face = (
            np.concatenate([row[place] for row in rows]) if rows else np.empty((0, width), "f4")
            for place, width in zip(self._order, widths, strict=True)
        )
        return values, face[0][:, 0] if face else None

    def _prepare(self, crop: GrayImage) -> Tensor:
        """Shape and scale one crop as the card says; most uint8 models take it as it is."""
        entry = self.card.input
        batch: Tensor = crop[None, ..., None]
        if (entry.scale, entry.offset) != (1.0, 0.0):
            batch = batch * np.float32(entry.scale) + np.float32(entry.offset)
            if entry.dtype != "float32":
                limits = np.iinfo(entry.dtype)
                batch = np.clip(np.rint(batch), limits.min, limits.max)
        return np.ascontiguousarray(np.broadcast_to(batch, (1, *entry.shape)), entry.dtype)


def open_classifier(settings: ClassifierSettings) -> TFLiteClassifier:
    """Load the model that `settings` name; a ConfigError where their other keys do not fit it."""
    path = find_model(settings.model)
    card = load_card(path, ModelCard)
    if settings.face_threshold is not None:
        if card.face is None:
            text = f"classifier.face_threshold: {card.name} does not tell faces from other things"
            raise ConfigError(f"{text}; set it to null or choose another model")
        face = msgspec.structs.replace(card.face, threshold=settings.face_threshold)
        card = msgspec.structs.replace(card, face=face)
    baseline = load_baseline(settings.neutral_baseline, card) if settings.neutral_baseline else None
    try_model(path, card.sha256, settings.runtime)
    return TFLiteClassifier(path, card, TFLiteModel(path, settings.runtime), baseline)


def classifier_digest(settings: ClassifierSettings) -> str:
    """Return what tells the content of the files that `settings` name from any other."""
    path = find_model(settings.model)
    files = filter(None, (path, card_path(path), settings.neutral_baseline))
    try:
        return " ".join(sha256_of(file.read_bytes()) for file in files)
    except OSError:  # whoever opens it is told what is wrong
        return ""


def load_baseline(path: Path, card: ModelCard) -> NeutralBaseline:
    """Read a baseline that was made with exactly the model of `card`, or raise a ConfigError."""
    remedy = "; make it again with `emotiond calibrate`, or set neutral_baseline to null"
    try:
        with os_errors_as(ConfigError, path, remedy=remedy):
            baseline = msgspec.json.decode(path.read_bytes(), type=NeutralBaseline)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not a baseline: {error}{remedy}") from error
    if (baseline.sha256, baseline.labels) != (card.sha256, card.labels):
        text = f"{path}: expected a baseline of {card.name} (sha256 {card.sha256[:8]}), found "
        raise ConfigError(f"{text}one of {baseline.model} ({baseline.sha256[:8]}){remedy}")
    return baseline
