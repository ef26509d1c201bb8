"""Augmented batches of training faces with their targets."""

import hashlib
from typing import Any

import keras
import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.data import EXPRESSIONS, Dataset
from converter.data.label_sets import LABEL_SETS, clear_votes, vote_shares
from converter.recipes import Augmentation, Recipe
from converter.training.augmentation import (
    Batch,
    Faces,
    Targets,
    augment,
    cutmix,
    mirror_half,
    mixup,
)
from edge.errors import DataError

RARE = 0.5
"""A class is rare when it has less than this share of the mean number of faces."""


class Views:
    """Variations of a set of faces, each drawn from the seed and its number alone.

    Args:
        faces: uint8 (n, 48, 48).
        how: the ranges of the variation.
        strength: float32 (n,), how many times as far each face is varied.
        seed: of the draw.
    """

    def __init__(self, faces: Faces, how: Augmentation, strength: Batch, seed: int) -> None:
        self._faces = faces
        self._how = how
        self._strength = strength
        self._seed = seed

    def __getitem__(self, number: int) -> Faces:
        rng = np.random.default_rng((self._seed, number))
        return augment(self._faces, self._how, rng, self._strength)

    def digest(self, count: int) -> str:
        """Name the first `count` views: it differs as soon as any pixel of them would."""
        draw = msgspec.json.encode((self._seed, count, self._how))
        parts = (self._faces.tobytes(), self._strength.tobytes(), draw)
        return hashlib.sha256(b"".join(parts)).hexdigest()[:12]


class Task:
    """What a network learns: faces, and for each the targets and weights of both heads.

    Attributes:
        views: variations of the faces.
        targets: float32 (n, classes + 8), shares of the label set's classes, then of FER+'s votes.
        weights: float32 (n, 2), how much a face counts for either head.
    """

    def __init__(self, data: Dataset, recipe: Recipe) -> None:
        labels = LABEL_SETS[recipe.label_set]
        data = labels.keep(data)
        if recipe.balance == "oversample":
            data = data.select(oversampled(labels.classes(data)))
        if recipe.votes_head and not data.has_votes:
            raise DataError("votes_head needs FER+'s votes; give --votes fer2013new.csv")
        self.classes = len(labels.labels)
        numbers = labels.classes(data)
        strength = np.where(rare(numbers)[numbers], recipe.augmentation.rare, 1.0)
        self.views = Views(
            data.pixels, recipe.augmentation, strength.astype(np.float32), recipe.seed
        )
        own = _smoothed(labels.targets(data, recipe.vote_weight), recipe.label_smoothing)
        ballots = _ballots(data, recipe)
        even = np.full(len(EXPRESSIONS), 1 / len(EXPRESSIONS), np.float32)
        self.targets: Targets = np.hstack([own, vote_shares(ballots, even)])
        weight = data.weights * (
            class_weights(numbers) if recipe.balance == "class-weights" else np.float32(1)
        )
        voted = ballots.any(axis=1)
        self.weights: Batch = np.stack([weight, weight * voted], axis=1).astype(np.float32)

    def __len__(self) -> int:
        return len(self.targets)


class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras ships no types
    """Batches of (faces (n, 48, 48, 1), targets of each head, weights of each head).

    Every batch is drawn from (seed, epoch, index) alone, so a run can be repeated exactly, and
    one that was killed goes on as if nothing had happened: set `epoch` and iterate.

    Args:
        task: what is learnt.
        recipe: batch size, mixing, seed.
        taught: the teachers' probabilities, float32 (n, classes + 8), when there are any.
    """

    def __init__(self, task: Task, recipe: Recipe, taught: Targets | None = None) -> None:
        super().__init__()
        self._task = task
        self._recipe = recipe
        self._targets = _blended(task.targets, taught, recipe)
        self._drawn: int | None = None
        self.epoch = 0

    def __len__(self) -> int:
        return len(self._task) // self._recipe.batch_size

    def __getitem__(self, index: int) -> tuple[Any, dict[str, Targets], dict[str, Batch]]:
        self._draw()
        size = self._recipe.batch_size
        rows = self._order[index * size : (index + 1) * size]
        rng = np.random.default_rng((self._recipe.seed, self.epoch, index))
        faces = mirror_half(self._faces[rows], rng).astype(np.float32)
        known = np.hstack([self._targets[rows], self._task.weights[rows]])
        faces, known = self._mix(faces, known, rng)
        classes = self._task.classes
        return (
            faces[..., None],
            {"logits": known[:, :classes], "votes": known[:, classes:-2]},
            {"logits": known[:, -2], "votes": known[:, -1]},
        )

    def _draw(self) -> None:
        """Vary and shuffle the faces, once an epoch."""
        if self._drawn == self.epoch:
            return
        self._faces = self._task.views[self.epoch]
        rng = np.random.default_rng((self._recipe.seed, self.epoch))
        self._order = rng.permutation(len(self._task))
        self._drawn = self.epoch

    def _mix(self, faces: Batch, known: Targets, rng: np.random.Generator) -> tuple[Batch, Targets]:
        ways = [
            (way, alpha)
            for way, alpha in ((mixup, self._recipe.mixup), (cutmix, self._recipe.cutmix))
            if alpha
        ]
        if not ways:
            return faces, known
        way, alpha = ways[int(rng.integers(len(ways)))]
        return way(faces, known, alpha, rng)


def rare(classes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell, for each class, whether it has few faces."""
    counts = np.bincount(classes)
    return np.asarray(counts < RARE * counts.mean())


def class_weights(classes: NDArray[np.int64]) -> Batch:
    """Return a weight for each row under which all classes count alike; the mean is 1."""
    counts = np.bincount(classes)
    present = np.count_nonzero(counts)
    return np.asarray(len(classes) / (present * counts[classes]), dtype=np.float32)


def oversampled(classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return row numbers in which those of rare classes are repeated until none is rare."""
    counts = np.bincount(classes)
    wanted = np.maximum(counts, np.ceil(RARE * counts.mean()).astype(np.int64))
    groups = [
        np.resize(np.flatnonzero(classes == number), wanted[number])
        for number in np.flatnonzero(counts)
    ]
    return np.concatenate(groups)


def _ballots(data: Dataset, recipe: Recipe) -> NDArray[np.float32]:
    """Return FER+'s votes, float32 (n, 8), the data's own label counting as some beside them."""
    votes = clear_votes(data)
    voted = votes.any(axis=1)
    votes[voted, data.labels[voted]] += np.float32(recipe.label_votes)
    return votes


def _blended(own: Targets, taught: Targets | None, recipe: Recipe) -> Targets:
    """Return the targets, partly the teachers' judgement where there are any."""
    if taught is None or recipe.distillation is None:
        return own
    weight = np.float32(recipe.distillation.weight)
    return np.asarray((1 - weight) * own + weight * taught)


def _smoothed(targets: Targets, share: float) -> Targets:
    """Spread `share` of each target evenly (Szegedy et al. 2016, arXiv:1512.00567)."""
    return np.asarray((1 - share) * targets + share / targets.shape[1], dtype=np.float32)
