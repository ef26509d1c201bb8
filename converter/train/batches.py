"""Augmented batches of training faces with their targets: labels, votes and teachers' answers."""

import hashlib
from pathlib import Path
from typing import Any

import keras
import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.data import EXPRESSIONS, Dataset
from converter.data.label_sets import LABEL_SETS, clear_votes, vote_shares
from converter.models.classifiers import Model, new_network
from converter.recipes import Augmentation, Recipe
from converter.train.augmentation import (
    Batch,
    Faces,
    Targets,
    augment,
    cutmix,
    mirror_half,
    mixup,
)
from converter.train.run_dir import MODEL, read_recipe
from edge.errors import ConfigError, DataError
from edge.tflite import softmax

RARE = 0.5
"""A class is rare when it has less than this share of the mean number of faces."""


class AugmentedViews:
    """Variations of a set of faces, each drawn from the seed and its number alone.

    Args:
        faces: uint8 (n, 48, 48).
        config: the ranges of the variation.
        strength: float32 (n,), how many times as far each face is varied.
        seed: of the draw.
    """

    def __init__(self, faces: Faces, config: Augmentation, strength: Batch, seed: int) -> None:
        self._faces = faces
        self._config = config
        self._strength = strength
        self._seed = seed

    def __getitem__(self, number: int) -> Faces:
        rng = np.random.default_rng((self._seed, number))
        return augment(self._faces, self._config, rng, self._strength)

    def digest(self, count: int) -> str:
        """Name the first `count` views: it differs as soon as any pixel of them would."""
        draw = msgspec.json.encode((self._seed, count, self._config))
        parts = (self._faces.tobytes(), self._strength.tobytes(), draw)
        return hashlib.sha256(b"".join(parts)).hexdigest()[:12]


class TrainingSet:
    """Training faces, with the targets and weights of both heads for each.

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
        self.views = AugmentedViews(
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
        training: what is learned.
        recipe: batch size, mixing, seed.
        taught: the teachers' probabilities, float32 (n, classes + 8), when there are any.
    """

    def __init__(
        self, training: TrainingSet, recipe: Recipe, taught: Targets | None = None
    ) -> None:
        super().__init__()
        self._training = training
        self._recipe = recipe
        self._targets = _blended(training.targets, taught, recipe)
        self._drawn: int | None = None
        self.epoch = 0

    def __len__(self) -> int:
        return len(self._training) // self._recipe.batch_size

    def __getitem__(self, index: int) -> tuple[Any, dict[str, Targets], dict[str, Batch]]:
        self._draw()
        size = self._recipe.batch_size
        rows = self._order[index * size : (index + 1) * size]
        rng = np.random.default_rng((self._recipe.seed, self.epoch, index))
        faces = mirror_half(self._faces[rows], rng).astype(np.float32)
        known = np.hstack([self._targets[rows], self._training.weights[rows]])
        faces, known = self._mix(faces, known, rng)
        classes = self._training.classes
        return (
            faces[..., None],
            {"logits": known[:, :classes], "votes": known[:, classes:-2]},
            {"logits": known[:, -2], "votes": known[:, -1]},
        )

    def _draw(self) -> None:
        """Vary and shuffle the faces, once an epoch."""
        if self._drawn == self.epoch:
            return
        self._faces = self._training.views[self.epoch]
        rng = np.random.default_rng((self._recipe.seed, self.epoch))
        self._order = rng.permutation(len(self._training))
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
    """Return the targets, partly the teachers' answers where there are any."""
    if taught is None or recipe.distillation is None:
        return own
    weight = np.float32(recipe.distillation.weight)
    return np.asarray((1 - weight) * own + weight * taught)


def _smoothed(targets: Targets, share: float) -> Targets:
    """Spread `share` of each target evenly (Szegedy et al. 2016, arXiv:1512.00567)."""
    return np.asarray((1 - share) * targets + share / targets.shape[1], dtype=np.float32)


def teacher_targets(teachers: tuple[Path, ...], views: AugmentedViews, count: int) -> Targets:
    """Return the mean probabilities of all teachers over `count` views of each face.

    Each teacher's logits are kept beside it, so that a second student, or a resumed one, need
    not ask again.

    Args:
        teachers: folders of finished trainings.
        views: variations of the training faces.
        count: how many of them.

    Returns:
        float32 (n, classes + 8).

    Raises:
        ConfigError: a teacher is missing.
    """
    logits = [_teacher_logits(teacher, views, count) for teacher in teachers]
    return np.asarray(np.mean([_mean_probabilities(one) for one in logits], axis=0))


def _mean_probabilities(logits: NDArray[np.float16]) -> Targets:
    """Return the mean over all views (views, n, classes + 8); each head's sum to 1."""
    classes = logits.shape[2] - len(EXPRESSIONS)
    wide = logits.astype(np.float32)
    heads = (wide[..., :classes], wide[..., classes:])
    return np.hstack([np.mean([softmax(view, 1.0) for view in head], axis=0) for head in heads])


def _teacher_logits(teacher: Path, views: AugmentedViews, count: int) -> NDArray[np.float16]:
    """Return a teacher's logits from its folder or, the first time, from its network."""
    kept = teacher / f"logits-{views.digest(count)}.npy"
    if not kept.exists():
        network = _load_teacher(teacher)
        logits = np.stack([_mean_logits(network, views[view]) for view in range(count)])
        partial = kept.with_name("partial.npy")
        np.save(partial, logits)
        partial.replace(kept)
    return np.asarray(np.load(kept))


def _load_teacher(teacher: Path) -> Model:
    """Build the teacher anew in the training's own precision: bfloat16 halves the wait."""
    try:
        network = new_network(read_recipe(teacher, Recipe))
        network.load_weights(teacher / MODEL)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{teacher}: holds no finished training to learn from") from error
    outputs = [network.output["logits"], network.output["votes"]]
    return keras.Model(network.input, keras.ops.concatenate(outputs, axis=-1))


def _mean_logits(network: Model, faces: Faces) -> NDArray[np.float16]:
    """Return the mean logits of the faces and their mirror images."""
    both = [
        network.predict(look[..., None], batch_size=512, verbose=0)
        for look in (faces, faces[:, :, ::-1])
    ]
    return np.asarray(np.mean(both, axis=0), np.float32).astype(np.float16)
