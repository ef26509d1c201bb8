"""Training of one classifier: batches whose targets are labels, votes and teachers, and the fit."""

import hashlib
from functools import partial
from pathlib import Path
from typing import Any

import keras
import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.data import EXPRESSIONS, Dataset, Usage
from converter.data.label_sets import LABEL_SETS, clear_votes, vote_shares
from converter.models import Model, new_network
from converter.recipes import Recipe
from converter.train import run_dir
from converter.train.augmentation import Batch, Faces, Targets, augment, mirror_half, mixup
from converter.train.face_head import fit_face_head
from converter.train.loop import SeededBatches, fit, new_optimizer, use_precision
from edge.errors import ConfigError, DataError
from edge.tflite import softmax

Paths = tuple[Path, ...]
RARE = 0.5  # a class is rare when it has less than this share of the mean number of faces
PANELS = {
    title: {"Training": column, "PublicTest": f"val_{column}"}
    for title, column in (("cross-entropy", "logits_loss"), ("accuracy", "logits_accuracy"))
}
"""What the curves show; those of Training, of augmented faces, lie below PublicTest's at first."""


class TrainingSet:
    """Training faces and their variations.

    The targets, (n, classes + 8), are shares of the label set's classes, then of FER+'s votes; the
    weights, (n, 2), tell how much a face counts for either.
    """

    def __init__(self, data: Dataset, recipe: Recipe) -> None:
        labels = LABEL_SETS[recipe.label_set]
        data = labels.keep(data)
        if recipe.balance == "oversample":
            data = data.select(oversampled(labels.classes(data)))
        if recipe.votes_head and not data.votes.any():
            raise DataError("votes_head needs FER+'s votes; give --votes fer2013new.csv")
        self._recipe = recipe
        self.faces: Faces = data.pixels
        count = len(labels.labels)
        own = np.eye(count, dtype=np.float32)[labels.classes(data)]
        # Label smoothing (Szegedy et al. 2016, arXiv:1512.00567).
        own = (1 - recipe.label_smoothing) * own + recipe.label_smoothing / count
        votes = clear_votes(data)
        voted = votes.any(axis=1)
        votes[voted, data.labels[voted]] += np.float32(recipe.label_votes)
        even = np.full(len(EXPRESSIONS), 1 / len(EXPRESSIONS), np.float32)
        # (n, classes + 8), and how much a face counts for either, (n, 2)
        self.targets: Targets = np.hstack([own.astype(np.float32), vote_shares(votes, even)])
        self.weights: Batch = np.stack([data.weights, data.weights * voted], axis=1)

    def __len__(self) -> int:
        return len(self.targets)

    def view(self, number: int) -> Faces:
        """Return a variation of all faces, drawn from the seed and its number alone."""
        rng = np.random.default_rng((self._recipe.seed, number))
        return augment(self.faces, self._recipe.augmentation, rng)

    def digest(self, count: int) -> str:
        """Name the first `count` views: it differs as soon as any pixel of them would."""
        draw = msgspec.json.encode((self._recipe.seed, count, self._recipe.augmentation))
        return hashlib.sha256(self.faces.tobytes() + draw).hexdigest()[:12]


class Batches(SeededBatches):
    """Batches of faces, with targets and weights of each head; `taught` is what teachers say."""

    def __init__(self, training: TrainingSet, recipe: Recipe, taught: Targets | None) -> None:
        super().__init__(recipe, len(training) // recipe.batch_size)
        self._training, self._recipe, self._targets = training, recipe, training.targets
        if taught is not None and recipe.distillation is not None:
            weight = np.float32(recipe.distillation.weight)
            self._targets = (1 - weight) * training.targets + weight * taught
        self._drawn: int | None = None

    def draw(self, index: int, rng: np.random.Generator) -> Any:
        """Vary and shuffle all faces, once an epoch, and return a batch of them."""
        if self._drawn != self.epoch:
            self._faces = self._training.view(self.epoch)
            shuffle = np.random.default_rng((self._recipe.seed, self.epoch))
            self._order = shuffle.permutation(len(self._training))
            self._drawn = self.epoch
        size = self._recipe.batch_size
        rows = self._order[index * size : (index + 1) * size]
        faces = mirror_half(self._faces[rows], rng).astype(np.float32)
        known = np.hstack([self._targets[rows], self._training.weights[rows]])
        if self._recipe.mixup:
            faces, known = mixup(faces, known, self._recipe.mixup, rng)
        return _by_head(faces, known[:, :-2], known[:, -2:])


def _by_head(faces: Batch, targets: Targets, weights: Batch) -> tuple[Any, ...]:
    """Return faces (n, 48, 48, 1), targets by head and weights by head, as Keras takes them."""
    classes = targets.shape[1] - len(EXPRESSIONS)
    by_head = {"logits": targets[:, :classes], "votes": targets[:, classes:]}
    return faces[..., None], by_head, {"logits": weights[:, 0], "votes": weights[:, 1]}


def oversampled(classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return row numbers in which those of rare classes are repeated until none is rare."""
    counts = np.bincount(classes)
    wanted = np.maximum(counts, np.ceil(RARE * counts.mean()).astype(np.int64))
    shown = np.flatnonzero(counts)
    return np.concatenate([np.resize(np.flatnonzero(classes == one), wanted[one]) for one in shown])


def teacher_targets(teachers: Paths, training: TrainingSet, count: int) -> Targets:
    """Return the teachers' mean probabilities over `count` views, as `TrainingSet.targets`."""
    classes = training.targets.shape[1] - len(EXPRESSIONS)
    said = []
    for teacher in teachers:
        logits = _teacher_logits(teacher, training, count).astype(np.float32)
        heads = np.split(logits, [classes], axis=-1)
        said.append(np.hstack([np.mean([softmax(one, 1.0) for one in head], 0) for head in heads]))
    return np.asarray(np.mean(said, axis=0))


def _teacher_logits(teacher: Path, training: TrainingSet, count: int) -> NDArray[np.float16]:
    """Return the mean logits of a view and its mirror image, kept in the teacher's folder."""
    kept = teacher / f"logits-{training.digest(count)}.npy"
    if kept.exists():
        return np.asarray(np.load(kept))
    try:  # built anew in the training's own precision: bfloat16 halves the wait
        network = new_network(run_dir.read_recipe(teacher, Recipe))
        network.load_weights(teacher / run_dir.MODEL)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{teacher}: holds no finished training to learn from") from error
    outputs = [network.output["logits"], network.output["votes"]]
    network = keras.Model(network.input, keras.ops.concatenate(outputs, axis=-1))
    views = []
    for faces in map(training.view, range(count)):
        looks = (faces[..., None], faces[:, :, ::-1, None])
        both = [network.predict(look, batch_size=512, verbose=0) for look in looks]
        views.append(np.mean(both, axis=0).astype(np.float32).astype(np.float16))
    logits = np.stack(views)
    unfinished = kept.with_name("partial.npy")
    np.save(unfinished, logits)
    unfinished.replace(kept)
    return logits


def train(
    recipe: Recipe, data: Dataset, directory: Path, teachers: Paths = (), negatives: Paths = ()
) -> Path:
    """Train `recipe`'s network on the Training rows, watching PublicTest; return its file.

    `teachers` are folders of finished trainings, `negatives` images without faces. DataError where
    faces are missing, of a class or for a batch, or votes for the recipe; ConfigError where the
    folder holds another or a finished training, or start or teacher is not.
    """
    run_dir.prepare_run_dir(directory, recipe)
    use_precision(recipe.dtype)
    faces = data.split(Usage.TRAINING).without_non_faces()
    _check_classes(faces, recipe)
    training = TrainingSet(faces, recipe)
    if len(training) < recipe.batch_size:
        raise DataError(f"expected at least {recipe.batch_size} training faces, one batch")
    how = recipe.distillation
    taught = teacher_targets(teachers, training, how.views) if how else None
    batches = Batches(training, recipe, taught)
    # Rows are validated on as they are, all alike.
    plain = msgspec.structs.replace(recipe, balance="none", label_smoothing=0.0)
    watched = TrainingSet(data.split(Usage.PUBLIC_TEST), plain)
    watched.weights[:, 0] = 1
    fit(
        partial(new_network, recipe),
        partial(_compiled, recipe, len(batches)),
        batches,
        recipe,
        directory,
        panels=PANELS,
        validation_data=_by_head(watched.faces.astype("f4"), watched.targets, watched.weights),
        validation_batch_size=512,
    )
    keras.mixed_precision.set_global_policy("float32")
    network = keras.saving.load_model(directory / run_dir.MODEL)
    fit_face_head(network, faces.pixels, negatives, recipe.seed)
    if negatives:  # the card has to say that it learned from images
        (directory / run_dir.NEGATIVES).write_text("".join(f"{path.name}\n" for path in negatives))
    run_dir.write_network(network, directory / run_dir.MODEL)
    (directory / run_dir.CHECKPOINT).unlink()
    return directory / run_dir.MODEL


def _check_classes(faces: Dataset, recipe: Recipe) -> None:
    """A class that nobody shows would never be named, and nobody would know why."""
    labels = LABEL_SETS[recipe.label_set]
    shown = set(labels.classes(faces).tolist())
    missing = [name for number, name in enumerate(labels.labels) if number not in shown]
    if missing:
        sets = ", ".join(dict.fromkeys(faces.source.tolist()))
        raise DataError(
            f"{sets}: expected Training faces of label set {recipe.label_set}, found none of "
            f"{', '.join(missing)}; add a set that has them, or choose another --label-set"
        )


def _compiled(recipe: Recipe, steps: int, whole: Model) -> Model:
    heads = {"logits": recipe.label_head, "votes": recipe.votes_head}
    network = keras.Model(whole.input, {head: whole.output[head] for head in heads})
    network.compile(
        optimizer=new_optimizer(recipe, steps),
        loss={head: keras.losses.CategoricalCrossentropy(from_logits=True) for head in heads},
        loss_weights=heads,
        weighted_metrics={head: [keras.metrics.CategoricalAccuracy("accuracy")] for head in heads},
        jit_compile=False,  # it costs more than it gains
    )
    return network
