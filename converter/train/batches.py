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
from converter.models.classifiers import new_network
from converter.recipes import Recipe
from converter.train.augmentation import Batch, Faces, Targets, augment, mirror_half, mixup
from converter.train.run_dir import MODEL, read_recipe
from edge.errors import ConfigError, DataError
from edge.tflite import softmax

RARE = 0.5
"""A class is rare when it has less than this share of the mean number of faces."""


class TrainingSet:
    """Training faces and their variations, with the targets and weights of both heads for each.

    Attributes:
        classes: how many the recipe's label set has.
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
        self._recipe = recipe
        self._faces = data.pixels
        own = np.eye(self.classes, dtype=np.float32)[labels.classes(data)]
        # Label smoothing (Szegedy et al. 2016, arXiv:1512.00567).
        own = (1 - recipe.label_smoothing) * own + recipe.label_smoothing / self.classes
        votes = clear_votes(data)
        voted = votes.any(axis=1)
        votes[voted, data.labels[voted]] += np.float32(recipe.label_votes)
        even = np.full(len(EXPRESSIONS), 1 / len(EXPRESSIONS), np.float32)
        self.targets: Targets = np.hstack([own.astype(np.float32), vote_shares(votes, even)])
        self.weights: Batch = np.stack([data.weights, data.weights * voted], axis=1)

    def __len__(self) -> int:
        return len(self.targets)

    def view(self, number: int) -> Faces:
        """Return a variation of all faces, drawn from the seed and its number alone."""
        rng = np.random.default_rng((self._recipe.seed, number))
        return augment(self._faces, self._recipe.augmentation, rng)

    def digest(self, count: int) -> str:
        """Name the first `count` views: it differs as soon as any pixel of them would."""
        draw = msgspec.json.encode((self._recipe.seed, count, self._recipe.augmentation))
        return hashlib.sha256(self._faces.tobytes() + draw).hexdigest()[:12]


class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras ships no types
    """Batches of (faces (n, 48, 48, 1), targets of each head, weights of each head).

    Every batch is drawn from (seed, epoch, index) alone, so a run can be repeated exactly, and
    one that was killed goes on as if nothing had happened: set `epoch` and iterate. `taught` are
    the teachers' probabilities, float32 (n, classes + 8), when there are any.
    """

    def __init__(
        self, training: TrainingSet, recipe: Recipe, taught: Targets | None = None
    ) -> None:
        super().__init__()
        self._training = training
        self._recipe = recipe
        self._targets = training.targets
        if taught is not None and recipe.distillation is not None:
            weight = np.float32(recipe.distillation.weight)
            self._targets = (1 - weight) * training.targets + weight * taught
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
        if self._recipe.mixup:
            faces, known = mixup(faces, known, self._recipe.mixup, rng)
        classes = self._training.classes
        return (
            faces[..., None],
            {"logits": known[:, :classes], "votes": known[:, classes:-2]},
            {"logits": known[:, -2], "votes": known[:, -1]},
        )

    def _draw(self) -> None:
        """Vary and shuffle the faces, once an epoch."""
        if self._drawn != self.epoch:
            self._faces = self._training.view(self.epoch)
            rng = np.random.default_rng((self._recipe.seed, self.epoch))
            self._order = rng.permutation(len(self._training))
            self._drawn = self.epoch


def oversampled(classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return row numbers in which those of rare classes are repeated until none is rare."""
    counts = np.bincount(classes)
    wanted = np.maximum(counts, np.ceil(RARE * counts.mean()).astype(np.int64))
    groups = [
        np.resize(np.flatnonzero(classes == number), wanted[number])
        for number in np.flatnonzero(counts)
    ]
    return np.concatenate(groups)


def teacher_targets(teachers: tuple[Path, ...], training: TrainingSet, count: int) -> Targets:
    """Return the mean probabilities of all teachers over `count` views of each face.

    They are float32 (n, classes + 8); the shares of each head sum to 1.

    Raises:
        ConfigError: a teacher is missing.
    """
    said = []
    for teacher in teachers:
        logits = _teacher_logits(teacher, training, count).astype(np.float32)
        heads = (logits[..., : training.classes], logits[..., training.classes :])
        said.append(
            np.hstack([np.mean([softmax(view, 1.0) for view in head], axis=0) for head in heads])
        )
    return np.asarray(np.mean(said, axis=0))


def _teacher_logits(teacher: Path, training: TrainingSet, count: int) -> NDArray[np.float16]:
    """Return a teacher's logits of each view and its mirror image, (count, n, classes + 8).

    They are kept in its folder, so that a second student, or a resumed one, need not ask again.
    """
    kept = teacher / f"logits-{training.digest(count)}.npy"
    if kept.exists():
        return np.asarray(np.load(kept))
    try:  # built anew in the training's own precision: bfloat16 halves the wait
        network = new_network(read_recipe(teacher, Recipe))
        network.load_weights(teacher / MODEL)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{teacher}: holds no finished training to learn from") from error
    outputs = [network.output["logits"], network.output["votes"]]
    network = keras.Model(network.input, keras.ops.concatenate(outputs, axis=-1))
    logits = []
    for faces in map(training.view, range(count)):
        both = [
            network.predict(look[..., None], batch_size=512, verbose=0)
            for look in (faces, faces[:, :, ::-1])
        ]
        logits.append(np.mean(both, axis=0).astype(np.float32).astype(np.float16))
    partial = kept.with_name("partial.npy")
    np.save(partial, np.stack(logits))
    partial.replace(kept)
    return np.stack(logits)
