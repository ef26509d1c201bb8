"""Training one classifier by one recipe."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import keras
import msgspec
import numpy as np

from converter.data import Dataset, Usage
from converter.data.label_sets import LABEL_SETS
from converter.models.classifiers import Model, new_network
from converter.recipes import Recipe
from converter.train.batches import Batches, TrainingSet, teacher_targets
from converter.train.face_head import fit_face_head
from converter.train.loop import (
    Float32Copy,
    draw_curves,
    fit,
    initial_network,
    resumable,
    use_precision,
)
from converter.train.optimizer import new_optimizer
from converter.train.run_dir import (
    CHECKPOINT,
    CURVES,
    LOG,
    MODEL,
    NEGATIVES,
    prepare_run_dir,
    write_network,
)
from edge.errors import DataError

PANELS = {
    title: {"Training": column, "PublicTest": f"val_{column}"}
    for title, column in (("cross-entropy", "logits_loss"), ("accuracy", "logits_accuracy"))
}
"""What the curves show: training figures are of augmented and blended faces, so they lie below
PublicTest's at first."""


def train(
    recipe: Recipe,
    data: Dataset,
    directory: Path,
    teachers: tuple[Path, ...] = (),
    negatives: tuple[Path, ...] = (),
) -> Path:
    """Train `recipe`'s network on the Training rows, watching PublicTest; return its file.

    A training that was killed goes on where its last whole epoch ended. The last epoch is the one
    kept: a cosine schedule ends at its best, and picking the luckiest of many epochs would
    overstate the accuracy.

    Args:
        recipe: network and hyper-parameters.
        data: rows of both splits.
        directory: of model, recipe, log and curves; made where it is missing.
        teachers: folders of finished trainings, for a recipe that distils.
        negatives: images without faces, to learn what no face looks like.

    Raises:
        DataError: a class has no face, there are fewer faces than one batch, or no votes where the
            recipe wants them.
        ConfigError: the folder holds another training, or one that is finished; or what the recipe
            starts from is not there.
    """
    prepare_run_dir(directory, recipe)
    use_precision(recipe.dtype)
    faces = data.split(Usage.TRAINING).without_non_faces()
    _check_classes(faces, recipe)
    training = TrainingSet(faces, recipe)
    if len(training) < recipe.batch_size:
        raise DataError(f"expected at least {recipe.batch_size} training faces, one batch")
    with resumable(directory):
        how = recipe.distillation
        taught = teacher_targets(teachers, training, how.views) if how else None
        batches = Batches(training, recipe, taught)
        keras.utils.set_random_seed(recipe.seed)  # here: what teachers drew must not matter
        network = initial_network(new_network(recipe), recipe, directory)
        fit(
            _compiled(network, recipe, len(batches)),
            Float32Copy(network, lambda: new_network(recipe)),
            batches,
            recipe,
            directory,
            describe=partial(_describe, recipe),
            announced=True,  # with its teachers, by the command
            validation_data=_validation_data(data.split(Usage.PUBLIC_TEST), recipe),
            validation_batch_size=512,
        )
        draw_curves(directory / LOG, directory / CURVES, PANELS)
        _finish(directory, faces, negatives, recipe.seed)
    return directory / MODEL


def _describe(recipe: Recipe, figures: Mapping[str, float]) -> str:
    votes = f", votes {figures.get('val_votes_accuracy', 0):.2%}" if recipe.votes_head else ""
    return (
        f"loss {figures.get('loss', 0):.3f}, training {figures.get('logits_accuracy', 0):.2%}, "
        f"{figures.get('val_logits_accuracy', 0):.2%} of PublicTest{votes}"
    )


def _check_classes(faces: Dataset, recipe: Recipe) -> None:
    """A class that nobody shows would never be named, and nobody would know why."""
    labels = LABEL_SETS[recipe.label_set]
    shown = set(labels.classes(faces).tolist())
    missing = [name for number, name in enumerate(labels.labels) if number not in shown]
    if missing:
        sets = ", ".join(dict.fromkeys(faces.source.tolist()))
        raise DataError(
            f"{sets}: expected Training faces of every class of label set {recipe.label_set}, "
            f"found none of {', '.join(missing)}; add a set that has them, or choose another "
            "--label-set"
        )


def _compiled(whole: Model, recipe: Recipe, steps: int) -> Model:
    """Return the network with the heads that learn now and an optimizer."""
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


def _validation_data(test: Dataset, recipe: Recipe) -> tuple[Any, ...]:
    """Return the rows to validate on: the expression by its label, the votes by their shares."""
    plain = {"balance": "none", "label_smoothing": 0.0}
    watched = TrainingSet(test, msgspec.structs.replace(recipe, **plain))
    kept = LABEL_SETS[recipe.label_set].keep(test)
    classes = watched.classes
    return (
        kept.pixels[..., None].astype(np.float32),
        {"logits": watched.targets[:, :classes], "votes": watched.targets[:, classes:]},
        {"logits": np.ones(len(kept), np.float32), "votes": watched.weights[:, 1]},
    )


def _finish(directory: Path, faces: Dataset, negatives: tuple[Path, ...], seed: int) -> None:
    """Teach the finished network what is no face, and write it whole."""
    keras.mixed_precision.set_global_policy("float32")
    network = keras.saving.load_model(directory / MODEL)
    fit_face_head(network, faces.pixels, negatives, seed)
    if negatives:  # the card has to say that it learned from images
        names = "".join(f"{path.name}\n" for path in negatives)
        (directory / NEGATIVES).write_text(names)
    write_network(network, directory / MODEL)
    (directory / CHECKPOINT).unlink(missing_ok=True)
