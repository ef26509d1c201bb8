"""Quantization of the refiner: int8, and how its answers and the detector's are put together."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from converter.detector.annotations import AnnotatedImage, Split, of_split
from converter.detector.average_precision import Truth, overlaps
from converter.detector.quantize import CANDIDATE, change_card, write_int8
from converter.detector.refiner import MAX_ERROR_IOU
from converter.detector.samples import ValidationSet, is_validation, read_samples
from converter.models.detector import REFINER_SIDE as SIDE
from converter.models.detector import Model
from converter.quantize import tflite
from edge.detect.builtin import CONTEXT, Refiner, cut
from edge.geometry import Box
from edge.model_card import DetectorInput, RefinerCard
from edge.types import Image

MIN_FACE_IOU = 0.5  # overlap (IoU) with a face from which a candidate is one
EXAMPLES = 400  # images whose candidates show the quantizer the range of every activation
CHUNK = 200  # images that are held in memory at once
RIDGE = 1e-3  # weight of the squares of the fitted weights, which keeps them finite

LIMITS = (
    "It judges what a detector found, and says where eyes, nose and mouth would be whether or not "
    "there is a face. It tells nothing of who it is."
)


def quantize_refiner(
    network: Model, detector: Model, images: Sequence[AnnotatedImage], path: Path, force: bool
) -> RefinerCard:
    """Write an int8 .tflite of a refiner of `detector`, with a card; ModelError if it is there."""
    training = of_split(images, Split.TRAIN)
    learned = [one for one in training if not is_validation(one)]
    watched = [one for one in training if is_validation(one)]
    chosen = np.random.default_rng(0).permutation(len(learned))[:EXAMPLES]
    with tflite.new_model(path, force) as inside:
        examples = [
            cut(image, box.square(CONTEXT), SIDE)
            for image, box, *_ in _candidates(detector, [learned[row] for row in chosen.tolist()])
        ]
        common = write_int8(network, np.stack(examples), inside)
        card = RefinerCard(
            **common,
            input=DetectorInput((SIDE, SIDE, 3), "int8", "bgr"),
            weights=(0.0, 1.0, 0.0),
            training_data="Faces of the photographs of the detector, and its errors in these.",
            measured=(),
            limits=LIMITS,
        )
        change_card(inside, card)
        look, found = Refiner(inside).look, _candidates(detector, watched)
        logits_and_truth = [
            (math.log(score / (1 - score)), look(image, box)[0], face)
            for image, box, score, face in found
            if face is not None
        ]
        rows = np.array(logits_and_truth, np.float64).reshape(-1, 3)
        weights = fit_logistic(rows[:, :2], rows[:, 2])
        return change_card(
            inside, card, weights=weights, measured=tuple(_measured_text(rows, weights))
        )


def _candidates(
    detector: Model, images: Sequence[AnnotatedImage]
) -> Iterator[tuple[Image, Box, float, bool | None]]:
    """Yield fitted image, box, score and truth (None: unclear) of what a detector finds."""
    for part in range(0, len(images), CHUNK):
        samples = read_samples(images[part : part + CHUNK], teacher=None)
        fitted = ValidationSet(samples, detector.input_shape[1:])
        found = fitted.find(detector)
        for image, truth, faces in zip(fitted.images, fitted.truth, found, strict=True):
            for box, score in zip(faces.boxes, faces.scores.tolist(), strict=True):
                if score >= CANDIDATE:
                    yield image, Box(*box.tolist()), score, _is_face(box, truth)


def _is_face(box: NDArray[np.float32], truth: Truth) -> bool | None:
    """Tell whether a candidate is a face; None where that is unclear."""
    if not len(truth.boxes):
        return False
    shared = overlaps(box[None], truth.boxes)[0]
    best = int(shared.argmax())
    if shared[best] < MAX_ERROR_IOU and not (truth.ignored & (shared > 0)).any():
        return False
    return True if shared[best] >= MIN_FACE_IOU and not truth.ignored[best] else None


def fit_logistic(
    logits: NDArray[np.float64], truth: NDArray[np.float64]
) -> tuple[float, float, float]:
    """Return weights of two logits, (n, 2), and an offset, whose sum is the logit of the truth."""
    fitted = LogisticRegression(C=1 / RIDGE, solver="newton-cholesky").fit(logits, truth)
    first, second, offset = np.round([*fitted.coef_[0], *fitted.intercept_], 3).tolist()
    return first, second, offset


def _measured_text(rows: NDArray[np.float64], weights: tuple[float, float, float]) -> Iterator[str]:
    """Yield in words how many errors of the detector pass where 95 % of the faces do."""
    faces = rows[:, 2] > 0
    yield f"watched photographs: {faces.sum():,} faces, {(~faces).sum():,} errors of the detector"
    both = np.column_stack([rows[:, :2], np.ones(len(rows))]) @ weights
    for name, values in (("the detector", rows[:, 0]), ("both", both)):
        passed = (values[~faces] >= np.quantile(values[faces], 0.05)).mean()
        yield f"where 95 % of the faces pass by {name}, {passed:.1%} of the errors do"
