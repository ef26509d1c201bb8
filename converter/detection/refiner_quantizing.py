"""A trained refinement network made into an int8 .tflite with its card."""

import math
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.detection.average_precision import Truth, overlaps
from converter.detection.crops import APART, PART
from converter.detection.detector_card import CANDIDATE, LICENCE
from converter.detection.lessons import read_lessons
from converter.detection.photographs import Photograph, Split, of_split
from converter.detection.quantizing import without_rescaling
from converter.detection.watching import Watched, ask, is_watched
from converter.networks.detector import Model
from converter.networks.refiner import SIDE
from converter.quantize.tflite import (
    Precision,
    measure_speed,
    move,
    multiply_adds,
    refuse_existing,
    to_tflite,
    write_card,
)
from edge.detect.refiner import Refiner, cut, square_around
from edge.fileio import sha256
from edge.geometry import Box
from edge.model_card import DetectorInput, RefinerCard
from edge.types import Image

EXAMPLES = 400
"""Photographs whose candidates show the quantiser the range of every activation."""

RIDGE = 1e-3
"""Weight of the squares of the fitted weights, which keeps them finite."""

LIMITS = (
    "It judges what a detector found, and says where eyes, nose and mouth would be whether or not "
    "there is a face. It tells nothing of who it is."
)


PART_SIZE = 200
"""Photographs that are held in memory at once."""


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    """What a detector takes for a face, and whether it is one; None is unclear."""

    image: Image
    box: Box
    score: float
    face: bool | None


def quantize_refiner(
    network: Any, detector: Model, photographs: Sequence[Photograph], path: Path, force: bool
) -> RefinerCard:
    """Write an int8 .tflite of a refinement network, with its card; return the card.

    Args:
        network: as `train_refiner` left it.
        detector: whose candidates it will see.
        photographs: of both splits; the watched ones fit how both answers are put together.
        path: of the .tflite; its folder exists.
        force: write over existing files.

    Raises:
        ModelError: a file is there already.
    """
    if not force:
        refuse_existing(path)
    training = of_split(photographs, Split.TRAIN)
    learnt = [one for one in training if not is_watched(one)]
    chosen = np.random.default_rng(0).permutation(len(learnt))[:EXAMPLES]
    examples = [
        cut(one.image, square_around(one.box), SIDE)
        for one in _candidates(detector, [learnt[number] for number in chosen.tolist()])
    ]
    watched = list(_candidates(detector, [one for one in training if is_watched(one)]))
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".quantize-") as scratch:
        inside = Path(scratch) / path.name
        bare = without_rescaling(network)
        inside.write_bytes(to_tflite(bare, Precision.INT8, np.stack(examples), input_type="int8"))
        card = _described(inside, network)
        write_card(inside, card)
        evidence = _evidence(Refiner(inside), watched)
        weights = fit_logistic(evidence[:, :2], evidence[:, 2])
        card = msgspec.structs.replace(card, weights=weights, measured=tuple(_told(evidence)))
        write_card(inside, card)
        move(inside, path)
    return card


def _described(path: Path, network: keras.Model) -> RefinerCard:
    return RefinerCard(
        name=path.stem,
        input=DetectorInput((SIDE, SIDE, 3), "int8", "bgr"),
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


def _candidates(detector: Model, photographs: Sequence[Photograph]) -> Iterator[_Candidate]:
    """Yield what a detector takes for faces in photographs fitted into what it sees."""
    for part in range(0, len(photographs), PART_SIZE):
        lessons = read_lessons(photographs[part : part + PART_SIZE], teacher=None)
        fitted = Watched(lessons, detector.input_shape[1:])
        found = fitted.find(ask(detector, fitted.pictures))
        for image, truth, faces in zip(fitted.pictures, fitted.truth, found, strict=True):
            for box, score in zip(faces.boxes, faces.scores.tolist(), strict=True):
                if score >= CANDIDATE:
                    yield _Candidate(image, Box(*box.tolist()), score, _is_face(box, truth))


def _is_face(box: NDArray[np.float32], truth: Truth) -> bool | None:
    """Tell whether a candidate is a face; None where that is unclear."""
    if not len(truth.boxes):
        return False
    shared = overlaps(box[None], truth.boxes)[0]
    best = int(shared.argmax())
    if shared[best] < APART and not (truth.ignored & (shared > 0)).any():
        return False
    return True if shared[best] >= PART and not truth.ignored[best] else None


def _evidence(refiner: Refiner, candidates: Sequence[_Candidate]) -> NDArray[np.float64]:
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


def _told(evidence: NDArray[np.float64]) -> Iterator[str]:
    """Yield in words how many errors of the detector pass where 95 % of the faces do."""
    faces = evidence[:, 2] > 0
    yield f"watched photographs: {faces.sum():,} faces, {(~faces).sum():,} errors of the detector"
    fitted = np.array(fit_logistic(evidence[:, :2], evidence[:, 2]))
    both = np.column_stack([evidence[:, :2], np.ones(len(evidence))]) @ fitted
    for name, values in (("the detector", evidence[:, 0]), ("both", both)):
        least = np.quantile(values[faces], 0.05)
        passed = (values[~faces] >= least).mean()
        yield f"where 95 % of the faces pass by {name}, {passed:.1%} of the errors do"
