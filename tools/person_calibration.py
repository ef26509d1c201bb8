"""`python -m tools.person_calibration`: what `emotiond calibrate --expressions` gains a person.

Sets that tell persons apart, as JAFFE and CK+ do, are judged person by person: five pictures of
each expression, or all but one, are learned from, and the others judged. How much the correction is
held back is chosen by all other persons (leave one person out). Pictures of one sequence of CK+ are
nearly the same, so its figures flatter. A set without persons, such as FER2013, is made into
likenesses: faces of PublicTest are all warped and lit in one way, of each likeness another. A
likeness is many people: their expressions lie further apart than those of one.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from converter.commands.options import add_data, load_data
from converter.data import Dataset, Usage
from converter.evaluate.predictor import Predictor, open_tflite
from edge.errors import DataError, EmotiondError
from edge.infer.calibration import (
    PICTURES,
    SHRINKAGE,
    balanced_accuracy,
    fit_expressions,
)
from edge.infer.classifier import corrected
from edge.tflite import softmax
from tools.datasets import distinct

SHRINKAGES = (10.0, 30.0, SHRINKAGE, 300.0, 1000.0)
TURNS = 5  # random choices of the pictures to learn from
LIKENESSES = 16
WARP, LIGHT = 2.0, 0.25  # pixels, and logarithm of brightness, by which likenesses differ
MOST = 45  # pictures of a class, of a likeness


class Gains(NamedTuple):
    """Balanced accuracy of one person without the correction, and with it, by `SHRINKAGES`."""

    name: str
    pictures: int
    before: float
    after: NDArray[np.float64]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    text = "a .tflite, or the name of a shipped model; default: %(default)s"
    parser.add_argument("--model", type=Path, default=Path("shallow-int8"), help=text)
    add_data(parser)
    options = parser.parse_args(arguments)
    try:
        data = load_data(options)
        predictor = open_tflite(options.model)
        persons = list(_persons(data) if (data.subject != "").any() else _likenesses(data))
        gains = [one for name, own in persons if (one := measure(name, own, predictor))]
        if len(gains) < 2:
            wanted = "two persons or more with two pictures of two expressions"
            raise DataError(f"expected {wanted}, found {len(gains)} among {len(persons)}")
    except EmotiondError as error:
        sys.exit(str(error))
    print(*report(gains, predictor.name), sep="\n")


def _persons(data: Dataset) -> Iterator[tuple[str, Dataset]]:
    for subject in np.unique(data.subject[data.subject != ""]).tolist():
        yield subject, data.select(data.subject == subject)


def _likenesses(data: Dataset) -> Iterator[tuple[str, Dataset]]:
    test = distinct(data.split(Usage.PUBLIC_TEST).without_non_faces())
    for seed in range(LIKENESSES):
        rng = np.random.default_rng(seed)
        drawn = [rng.permutation(np.flatnonzero(test.labels == one))[:MOST] for one in range(7)]
        chosen, look = test.select(np.concatenate(drawn)), _look(rng, test.pixels.shape[1])
        for row, face in enumerate(chosen.pixels):
            chosen.pixels[row] = look(face)
        yield f"likeness {seed}", chosen


def _look(rng: np.random.Generator, side: int) -> Callable[[NDArray[np.uint8]], NDArray[np.uint8]]:
    """Return what warps and lights each face in the same way."""

    def smooth(spread: float, *shape: int) -> NDArray[np.float32]:
        coarse = rng.normal(0, spread, shape).astype(np.float32)
        return np.asarray(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC))

    across, down = np.meshgrid(*[np.arange(side, dtype=np.float32)] * 2)
    moved, light = smooth(WARP, 5, 5, 2), np.exp(smooth(LIGHT, 3, 3))

    def look(face: NDArray[np.uint8]) -> NDArray[np.uint8]:
        places = across + moved[..., 0], down + moved[..., 1]
        warped = cv2.remap(face, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.clip(warped * light, 0, 255).astype(np.uint8)

    return look


def measure(name: str, data: Dataset, predictor: Predictor) -> Gains | None:
    """Return what one person gains; None of one without two pictures of two expressions."""
    classes = predictor.label_set.classes(data)
    counts = np.bincount(classes[classes >= 0], minlength=len(predictor.label_set.labels))
    known = np.flatnonzero(np.isin(classes, np.flatnonzero(counts > 1)))
    if (counts > 1).sum() < 2:
        return None
    classes, own = classes[known], data.select(known)
    seen = np.log(np.maximum(softmax(predictor.logits(own.pixels), predictor.temperature), 1e-30))
    rng, before, after = np.random.default_rng(0), [], []
    for _ in range(TURNS):
        learned = np.zeros(len(classes), bool)
        for one in np.unique(classes):
            rows = rng.permutation(np.flatnonzero(classes == one))
            learned[rows[: min(PICTURES, len(rows) - 1)]] = True
        others, truth = seen[~learned], classes[~learned]
        before.append(balanced_accuracy(others, truth))
        fits = [fit_expressions(seen[learned], classes[learned], one) for one in SHRINKAGES]
        after.append([balanced_accuracy(corrected(others, one), truth) for one in fits])
    return Gains(name, len(classes), float(np.mean(before)), np.mean(after, axis=0))


def report(gains: Sequence[Gains], model: str) -> Iterator[str]:
    """Yield a table in Markdown: each person, then the means by how much was held back."""
    before, after = np.array([one.before for one in gains]), np.array([one.after for one in gains])
    own = SHRINKAGES.index(SHRINKAGE)
    rest = [np.delete(after, row, axis=0).mean(axis=0).argmax() for row in range(len(gains))]
    chosen = after[np.arange(len(gains)), rest]
    yield f"| {model} | pictures | balanced accuracy | corrected | by others' choice |"
    yield "|---|---|---|---|---|"
    for one, other in zip(gains, chosen, strict=True):
        shares = f"{one.before:.1%} | {one.after[own]:.1%} | {other:.1%}"
        yield f"| {one.name} | {one.pictures} | {shares} |"
    means = f"{before.mean():.1%} | {after[:, own].mean():.1%} | {chosen.mean():.1%}"
    yield f"| mean of {len(gains)} | | {means} |\n"
    steps = zip(SHRINKAGES, after.mean(axis=0), strict=True)
    yield "by shrinkage: " + ", ".join(f"{one:g}: {share:.1%}" for one, share in steps)
    won = 100 * (after[:, own] - before)
    yield f"gained {won.mean():.1f} points, between {won.min():.1f} and {won.max():.1f}"


if __name__ == "__main__":
    main()
