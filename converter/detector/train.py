"""Training of a detector by a recipe, as of the refiner, and what a finished training left."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import keras
import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.detector.loss import PARTS, Grid, detection_loss
from converter.detector.sample_generator import SampleGenerator
from converter.detector.samples import DataSummary, TrainingData, TrainingSample, ValidationSet
from converter.models import Model, detector
from converter.recipes import DetectorRecipe, RefinerRecipe
from converter.train import loop, run_dir
from edge.errors import ModelError

PANELS = {  # what the curves show
    "loss": {part: part for part in PARTS},
    "average precision of watched photographs": {"16 pixels and more": "watched"},
}

HARD = 0.8  # share of the showings of faceless images by their surest false face squared; else even
SUMMARY = "material.json"  # what a training learned from, in figures
MINED = "mined.npy"  # how often each image without a face is shown, from one search to the next

Targets = dict[str, NDArray[Any]]
Loss = Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]  # parts, of truth and answer


class SampleBatches(loop.SeededBatches):
    """Batches of images, (n, height, width, 3), and of targets.

    boxes       (n, faces, 4)            left, top, right, bottom in pixels
    known       (n, faces)               1 for a face, 0 for an empty place
    candidates  (n, faces, CANDIDATES)   cells that may answer, -1 for none
    background  (n, cells)               0 where it is unknown whether there is a face
    """

    def __init__(self, generator: SampleGenerator, recipe: DetectorRecipe) -> None:
        super().__init__(recipe, recipe.steps)
        self._generator, self._recipe = generator, recipe
        self._grid = Grid(recipe.height, recipe.width)

    def draw(self, index: int, rng: np.random.Generator) -> tuple[NDArray[np.uint8], Targets]:
        """Generate the samples of a batch, and cells for the faces in them."""
        recipe, draw = self._recipe, self._generator.draw
        samples = [draw(recipe.height, recipe.width, rng) for _ in range(recipe.batch_size)]
        targets = [targets_of(sample, self._grid, recipe.most_faces, rng) for sample in samples]
        images = np.stack([sample.image for sample in samples])
        return images, {name: np.stack([one[name] for one in targets]) for name in targets[0]}


def targets_of(sample: TrainingSample, grid: Grid, most: int, rng: np.random.Generator) -> Targets:
    """Return the targets of one sample; of more than `most` faces, some are ignored."""
    faces = np.flatnonzero(~sample.ignored)
    if len(faces) > most:
        faces = rng.permutation(faces)[:most]
    ignored = np.delete(sample.boxes, faces, axis=0)
    rows = (0, most - len(faces))  # empty ones behind the faces
    cells = grid.candidates(sample.boxes[faces])
    return {
        "boxes": np.pad(sample.boxes[faces], (rows, (0, 0))),
        "known": np.pad(np.ones(len(faces), np.float32), rows),
        "candidates": np.pad(cells, (rows, (0, 0)), constant_values=-1),
        "background": 1 - grid.inside(ignored).astype(np.float32),
    }


class LossPartsModel(keras.Model):  # type: ignore[misc]  # Keras ships no types
    """A network in training, whose loss is the sum of parts, each of which the log shows."""

    def __init__(self, network: Model, parts: Sequence[str], loss: Loss) -> None:
        super().__init__(network.input, network.output)
        self._loss_parts = loss
        self._parts = {part: keras.metrics.Mean(part) for part in parts}

    def compute_loss(self, x: Any, y: Any, y_pred: Any, *_: Any, **__: Any) -> Any:
        """Return the sum of the parts."""
        parts = self._loss_parts(y, y_pred)
        for part, value in parts.items():
            self._parts[part].update_state(value)
        return sum(parts.values())


def train_network(
    build: loop.CurrentNetwork,
    loss: Loss,
    batches: loop.SeededBatches,
    recipe: DetectorRecipe | RefinerRecipe,
    directory: Path,
    *,
    panels: loop.Panels,
    callbacks: Callable[[loop.CurrentNetwork], Sequence[Any]] | None = None,
) -> Path:
    """Train as `loop.fit`; return the file. The first of `panels` names the parts of the loss."""
    samples = (recipe.epochs - run_dir.epochs_done(directory)) * recipe.steps * recipe.batch_size
    loop.announce([directory.name], loop.estimate_seconds(build(), samples))

    def compiled(network: Model) -> Model:
        model = LossPartsModel(network, list(next(iter(panels.values()))), loss)
        model.compile(optimizer=loop.new_optimizer(recipe, recipe.steps), jit_compile=False)
        return model

    loop.fit(build, compiled, batches, recipe, directory, panels=panels, callbacks=callbacks)
    for file in (run_dir.CHECKPOINT, MINED):
        (directory / file).unlink(missing_ok=True)
    return directory / run_dir.MODEL


def train_detector(recipe: DetectorRecipe, data: TrainingData, directory: Path) -> Path:
    """Train a detector in a folder; return its file. ConfigError where it is taken, or no start."""
    run_dir.prepare_run_dir(directory, recipe)
    (directory / SUMMARY).write_bytes(msgspec.json.encode(data.summary))
    loop.use_precision(recipe.dtype)
    generator = SampleGenerator(data.samples, data.closeups, data.empty, recipe.scenes)
    size = (recipe.height, recipe.width)
    empty, validation = (ValidationSet(one, size) for one in (data.empty, data.validation))

    def callbacks(current: loop.CurrentNetwork) -> Sequence[Any]:
        def mine(epoch: int, _: Any) -> None:
            # As an epoch begins: a training that is taken up again there finds the same.
            every = recipe.mined_every if len(empty.images) else 0
            if not every or epoch < every:
                return
            if epoch % every == 0:
                np.save(directory / MINED, hard_negative_weights(empty, current()))
            generator.weights = np.load(directory / MINED)

        def watch(_: int, logs: dict[str, Any]) -> None:
            logs["watched"] = validation.average_precision(current())

        return [keras.callbacks.LambdaCallback(on_epoch_begin=mine, on_epoch_end=watch)]

    build, loss = partial(detector, *size), partial(detection_loss, Grid(*size))
    batches = SampleBatches(generator, recipe)
    return train_network(
        build, loss, batches, recipe, directory, panels=PANELS, callbacks=callbacks
    )


def hard_negative_weights(empty: ValidationSet, network: Model) -> NDArray[np.float64]:
    """Return how often to show each image (hard examples, arXiv:1604.03540)."""
    errors = np.array([one.scores.max(initial=0) for one in empty.find(network)]) ** 2
    weights = (1 - HARD) / len(errors) + HARD * (errors / max(errors.sum(), 1e-9))
    return np.asarray(weights / weights.sum())


class DetectorRun(NamedTuple):
    """A finished training: the network, its recipe, and what it learned from."""

    network: Model
    recipe: DetectorRecipe
    summary: DataSummary


def load_network(directory: Path, command: str) -> Model:
    """Return the network that a training by `command` left, a ModelError if it is not finished."""
    if not run_dir.is_finished(directory):
        raise ModelError(f"{directory}: expected a finished training; run {command}")
    return run_dir.load_network(directory / run_dir.MODEL)


def load_run(directory: Path) -> DetectorRun:
    """Read what `emotiond-convert train-detector` left; errors as `load_network`."""
    network = load_network(directory, "train-detector")
    try:
        recipe = run_dir.read_recipe(directory, DetectorRecipe)
        summary = msgspec.json.decode((directory / SUMMARY).read_bytes(), type=DataSummary)
    except (OSError, ValueError) as error:
        found = f"holds no training of a detector ({error}); name another, or train it"
        raise ModelError(f"{directory}: {found}") from error
    return DetectorRun(network, recipe, summary)
