"""Training the refinement network by a recipe."""

import logging
from itertools import combinations
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from converter.detector.refiner_samples import CropBatches, collect_errors
from converter.detector.sample_generator import Studio
from converter.detector.trained import Trained
from converter.detector.train import Material
from converter.models.refiner import refiner
from converter.recipes.refiner import RefinerRecipe
from converter.train.averaging import Averaging
from converter.train.checkpoint import Checkpoint
from converter.train.folder import CHECKPOINT, LOG, MODEL, claim, write_network
from converter.train.optimizer import new_optimizer
from converter.train.precision import in_float32, use_precision
from converter.train.progress import Progress
from converter.train.start import begin
from edge.errors import ModelError

log = logging.getLogger(__name__)

SURE_WITHIN = 0.02
"""Sides of the crop within which a point's error counts by its square: an eye is moved by so much
when a head is tilted by ten degrees."""

POINT_WEIGHT = 0.5

WAYS = np.kron([np.eye(4)[a] - np.eye(4)[b] for a, b in combinations(range(4), 2)], np.eye(2)).T
"""Takes four points to the ways between any two, (8, 12)."""

PARTS = ("face", "point")


class RefinerTrainee(keras.Model):  # type: ignore[misc]  # Keras ships no types
    """The network while it learns; its loss is counted in parts, each of which the log shows."""

    def __init__(self, network: Any) -> None:
        super().__init__(network.input, network.output)
        self._parts = {part: keras.metrics.Mean(part) for part in PARTS}

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return the sum of the parts."""
        parts = loss_parts(y, y_pred)
        for part, value in parts.items():
            self._parts[part].update_state(value)
        return sum(parts.values())


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


def train_refiner(
    recipe: RefinerRecipe, detector: Trained, material: Material, directory: Path
) -> Path:
    """Train the refinement network on a detector's finds and errors; return its file.

    As for the detector: a training that was killed goes on where its last whole epoch ended, and
    the last epoch is the one kept.

    Args:
        recipe: hyper-parameters.
        detector: whose errors it learns to refuse.
        material: what that one learnt from.
        directory: where model, recipe and log go; created when missing.

    Raises:
        ConfigError: the folder holds another training, or one that is finished.
    """
    claim(directory, recipe)
    use_precision(recipe.dtype)
    empty = [one.image for one in material.empty]
    studio = Studio(material.lessons, material.portraits, empty, detector.recipe.scenes)
    rng = np.random.default_rng(recipe.seed)
    errors = collect_errors(detector.network, studio, recipe.scenes, rng)
    log.info("%d errors of the detector in %d scenes", len(errors), recipe.scenes)
    batches = CropBatches([*material.lessons, *material.portraits], errors, recipe)
    keras.utils.set_random_seed(recipe.seed)
    network = begin(refiner(), recipe, directory)
    trainee = RefinerTrainee(network)
    trainee.compile(optimizer=new_optimizer(recipe, recipe.steps), jit_compile=False)
    checkpoint = Checkpoint(directory / CHECKPOINT, batches)
    trainee.fit(
        batches,
        initial_epoch=checkpoint.restore(trainee),
        epochs=recipe.epochs,
        verbose=0,
        shuffle=False,  # the batches are drawn anew, the same way after a resume
        callbacks=[
            checkpoint,
            Averaging(),
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: write_network(_plain(network), directory / MODEL)
            ),
            keras.callbacks.CSVLogger(directory / LOG, append=checkpoint.epoch > 0),
            Progress(recipe.epochs, recipe.steps, _told),
        ],
    )
    (directory / CHECKPOINT).unlink(missing_ok=True)
    return directory / MODEL


def open_refiner(directory: Path) -> Any:
    """Return the network that `train_refiner` left in a folder.

    Raises:
        ModelError: its training is not finished, or there is none.
    """
    if (directory / CHECKPOINT).exists() or not (directory / MODEL).exists():
        raise ModelError(f"{directory}: expected a finished training; run train-refiner")
    return keras.saving.load_model(directory / MODEL, compile=False)


def _plain(network: Any) -> Any:
    """Return a copy in float32, without the fused normalization of the training."""
    with in_float32():
        copy = refiner()
    copy.set_weights(network.get_weights())
    return copy


def _told(figures: dict[str, float]) -> str:
    """Return an epoch's figures in words."""
    return ", ".join(f"{part} {figures.get(part, 0):.3f}" for part in PARTS)
