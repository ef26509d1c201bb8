"""The refiner: training, and quantization to an int8 .tflite with its card."""

import logging
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import keras
import msgspec
import numpy as np
from keras import ops
from numpy.typing import NDArray

from converter.detector.annotations import AnnotatedImage, Split, of_split
from converter.detector.average_precision import Truth, overlaps
from converter.detector.batches import ValidationSet, is_validation, predict
from converter.detector.loss import LossPartsModel
from converter.detector.quantize import CANDIDATE, LICENCE, without_rescaling
from converter.detector.refiner_samples import (
    MAX_ERROR_IOU,
    MIN_FACE_IOU,
    CropBatches,
    collect_hard_negatives,
)
from converter.detector.samples import read_samples
from converter.detector.train import DetectorRun, TrainingData
from converter.models.detector import REFINER_SIDE, Model, refiner
from converter.quantize.tflite import (
    Precision,
    measure_speed,
    move,
    multiply_adds,
    refuse_existing,
    to_tflite,
    write_card,
)
from converter.recipes import RefinerRecipe
from converter.train.loop import Float32Copy, fit, initial_network, use_precision
from converter.train.optimizer import new_optimizer
from converter.train.run_dir import CHECKPOINT, MODEL, is_finished, prepare_run_dir
from edge.detect.builtin import Refiner, cut, square_around
from edge.errors import ModelError
from edge.geometry import Box
from edge.model_card import DetectorInput, RefinerCard
from edge.paths import sha256
from edge.types import Image

log = logging.getLogger(__name__)

PARTS = ("face", "point")

SURE_WITHIN = 0.02
"""Sides of the crop within which a point's error counts by its square: an eye is moved by so much
when a head is tilted by ten degrees."""

POINT_WEIGHT = 0.5

WAYS = np.kron([np.eye(4)[a] - np.eye(4)[b] for a, b in combinations(range(4), 2)], np.eye(2)).T
"""Takes four points to the ways between any two, (8, 12)."""

EXAMPLES = 400
"""Images whose candidates show the quantizer the range of every activation."""

CHUNK = 200
"""Images that are held in memory at once."""

RIDGE = 1e-3
"""Weight of the squares of the fitted weights, which keeps them finite."""

LIMITS = (
    "It judges what a detector found, and says where eyes, nose and mouth would be whether or not "
    "there is a face. It tells nothing of who it is."
)


def train_refiner(
    recipe: RefinerRecipe, detector: DetectorRun, data: TrainingData, directory: Path
) -> Path:
    """Train the refiner on a detector's finds and errors; return its file.

    As for the detector: a training that was killed goes on where its last whole epoch ended, and
    the last epoch is the one kept.

    Args:
        recipe: hyper-parameters.
        detector: whose errors it learns to refuse.
        data: what that one learned from.
        directory: where model, recipe and log go; created when missing.

    Raises:
        ConfigError: the folder holds another training, or one that is finished.
    """
    prepare_run_dir(directory, recipe)
    use_precision(recipe.dtype)
    rng = np.random.default_rng(recipe.seed)
    generator = data.generator(detector.recipe)
    negatives = collect_hard_negatives(detector.network, generator, recipe.scenes, rng)
    log.info("%d errors of the detector in %d scenes", len(negatives), recipe.scenes)
    batches = CropBatches([*data.samples, *data.closeups], negatives, recipe)
    keras.utils.set_random_seed(recipe.seed)
    network = initial_network(refiner(), recipe, directory)
    model = LossPartsModel(network, PARTS, loss_parts)
    model.compile(optimizer=new_optimizer(recipe, recipe.steps), jit_compile=False)
    fit(model, Float32Copy(network, refiner), batches, recipe, directory, describe=_describe)
    (directory / CHECKPOINT).unlink(missing_ok=True)
    return directory / MODEL


def open_refiner(directory: Path) -> Model:
    """Return the network that `train_refiner` left in a folder.

    Raises:
        ModelError: its training is not finished, or there is none.
    """
    if not is_finished(directory):
        raise ModelError(f"{directory}: expected a finished training; run train-refiner")
    return keras.saving.load_model(directory / MODEL, compile=False)


def _describe(figures: Mapping[str, float]) -> str:
    return ", ".join(f"{part} {figures.get(part, 0):.3f}" for part in PARTS)


def loss_parts(truth: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """Return the cross entropy of faces, and how far off the points are, each a scalar.

    Points are held against their places and against each other: how they lie to each other tells
    how a head is turned and tilted.

    Args:
        truth: what `CropBatches` gives.
        answer: the network's outputs.
    """
    score, face = answer["score"][:, 0], truth["face"]
    off = answer["points"] - truth["points"]
    between = ops.matmul(off, WAYS.astype("float32"))
    misplaced = ops.sum(_huber(off), axis=-1) + ops.sum(_huber(between), axis=-1)
    count = ops.maximum(ops.sum(truth["pointed"]), 1.0)
    return {
        "face": ops.mean(ops.softplus(score) - face * score),
        "point": POINT_WEIGHT * ops.sum(misplaced * truth["pointed"]) / count,
    }


def _huber(off: Any) -> Any:
    """Return the distance, its square where it is small."""
    off = ops.absolute(off)
    return ops.where(off < SURE_WITHIN, off**2 / (2 * SURE_WITHIN), off - SURE_WITHIN / 2)


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    """Candidate of a detector, and whether it is a face; None is unclear."""

    image: Image
    box: Box
    score: float
    face: bool | None


def quantize_refiner(
    network: Any, detector: Model, images: Sequence[AnnotatedImage], path: Path, force: bool
) -> RefinerCard:
    """Write an int8 .tflite of a refinement network, with its card; return the card.

    Args:
        network: as `train_refiner` left it.
        detector: whose candidates it will see.
        images: of both splits; the watched ones fit how both answers are put together.
        path: of the .tflite; its folder exists.
        force: write over existing files.

    Raises:
        ModelError: a file is there already.
    """
    if not force:
        refuse_existing(path)
    training = of_split(images, Split.TRAIN)
    learned = [one for one in training if not is_validation(one)]
    chosen = np.random.default_rng(0).permutation(len(learned))[:EXAMPLES]
    examples = [
        cut(one.image, square_around(one.box), REFINER_SIDE)
        for one in _candidates(detector, [learned[number] for number in chosen.tolist()])
    ]
    watched = list(_candidates(detector, [one for one in training if is_validation(one)]))
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".quantize-") as scratch:
        inside = Path(scratch) / path.name
        bare = without_rescaling(network)
        inside.write_bytes(to_tflite(bare, Precision.INT8, np.stack(examples), input_type="int8"))
        card = _described(inside, network)
        write_card(inside, card)
        rows = _logits_and_truth(Refiner(inside), watched)
        weights = fit_logistic(rows[:, :2], rows[:, 2])
        card = msgspec.structs.replace(card, weights=weights, measured=tuple(_measured_text(rows)))
        write_card(inside, card)
        move(inside, path)
    return card


def _described(path: Path, network: keras.Model) -> RefinerCard:
    return RefinerCard(
        name=path.stem,
        input=DetectorInput((REFINER_SIDE, REFINER_SIDE, 3), "int8", "bgr"),
        weights=(0.0, 1.0, 0.0),
        sha256=sha256(path),
        size=path.stat().st_size,
        parameters=int(network.count_params()),
        multiply_adds=multiply_adds(network),
        training_data="Faces of the photographs of the detector, and its errors in these.",
        measured=(),
        speed=measure_speed([path])[0],
        licence=LICENCE,
        limits=LIMITS,
    )


def _candidates(detector: Model, images: Sequence[AnnotatedImage]) -> Iterator[_Candidate]:
    """Yield what a detector takes for faces in images fitted into what it sees."""
    for part in range(0, len(images), CHUNK):
        samples = read_samples(images[part : part + CHUNK], teacher=None)
        fitted = ValidationSet(samples, detector.input_shape[1:])
        found = fitted.find(predict(detector, fitted.images))
        for image, truth, faces in zip(fitted.images, fitted.truth, found, strict=True):
            for box, score in zip(faces.boxes, faces.scores.tolist(), strict=True):
                if score >= CANDIDATE:
                    yield _Candidate(image, Box(*box.tolist()), score, _is_face(box, truth))


def _is_face(box: NDArray[np.float32], truth: Truth) -> bool | None:
    """Tell whether a candidate is a face; None where that is unclear."""
    if not len(truth.boxes):
        return False
    shared = overlaps(box[None], truth.boxes)[0]
    best = int(shared.argmax())
    if shared[best] < MAX_ERROR_IOU and not (truth.ignored & (shared > 0)).any():
        return False
    return True if shared[best] >= MIN_FACE_IOU and not truth.ignored[best] else None


def _logits_and_truth(refiner: Refiner, candidates: Sequence[_Candidate]) -> NDArray[np.float64]:
    """Return logits of detector and refiner, and whether it was a face, for each candidate, (n, 3).

    Candidates that may or may not be faces are left out.
    """
    rows = [
        (math.log(one.score / (1 - one.score)), refiner.look(one.image, one.box)[0], one.face)
        for one in candidates
        if one.face is not None
    ]
    return np.array(rows, np.float64).reshape(-1, 3)


def fit_logistic(
    logits: NDArray[np.float64], truth: NDArray[np.float64]
) -> tuple[float, float, float]:
    """Return weights of two logits and an offset, whose sum is the logit of the truth.

    Newton's method (iteratively reweighted least squares).

    Args:
        logits: (n, 2).
        truth: 0 or 1, (n,).
    """
    rows = np.column_stack([logits, np.ones(len(logits))])
    weights = np.zeros(3)
    for _ in range(30):
        chances = 1 / (1 + np.exp(-rows @ weights))
        slope = rows.T @ (truth - chances) - RIDGE * weights
        curve = (rows * (chances * (1 - chances))[:, None]).T @ rows + RIDGE * np.eye(3)
        weights += np.linalg.solve(curve, slope)
    first, second, offset = (round(float(weight), 3) for weight in weights)
    return first, second, offset


def _measured_text(rows: NDArray[np.float64]) -> Iterator[str]:
    """Yield in words how many errors of the detector pass where 95 % of the faces do."""
    faces = rows[:, 2] > 0
    yield f"watched photographs: {faces.sum():,} faces, {(~faces).sum():,} errors of the detector"
    fitted = np.array(fit_logistic(rows[:, :2], rows[:, 2]))
    both = np.column_stack([rows[:, :2], np.ones(len(rows))]) @ fitted
    for name, values in (("the detector", rows[:, 0]), ("both", both)):
        least = np.quantile(values[faces], 0.05)
        passed = (values[~faces] >= least).mean()
        yield f"where 95 % of the faces pass by {name}, {passed:.1%} of the errors do"
