"""Training a detector by a recipe."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import msgspec
import numpy as np

from converter.detector.batches import SceneBatches
from converter.detector.cells import Cells
from converter.detector.samples import Lesson, read_lessons
from converter.detector.loss import DetectionLoss
from converter.detector.photographs import Photograph, Split, of_split
from converter.detector.sample_generator import Studio
from converter.detector.trained import SUMMARY, Summary
from converter.detector.trainee import PARTS, Trainee
from converter.detector.watching import Watched, ask, is_watched
from converter.models.detector import Model, copy_weights, detector
from converter.recipes.detector import DetectorRecipe
from converter.train.averaging import Averaging
from converter.train.checkpoint import Checkpoint
from converter.train.curves import draw_curves
from converter.train.devices import use_every_device
from converter.train.folder import CHECKPOINT, CURVES, LOG, MODEL, claim, write_network
from converter.train.optimizer import new_optimizer
from converter.train.precision import in_float32, use_precision
from converter.train.progress import Progress
from converter.train.start import begin
from edge.detect import Detector
from edge.errors import DataError

PANELS = {
    "loss": {part: part for part in PARTS},
    "average precision of watched photographs": {"16 pixels and more": "watched"},
}
"""What the curves show."""

HARD = 0.8
"""Share of the times a photograph without faces is shown that goes by the square of the surest
false face in it; the rest is even."""

MINED = "mined.npy"
"""How often each photograph without a face is shown, from one search to the next."""


@dataclass(frozen=True, slots=True)
class Material:
    """What a detector learns from, and what it is watched on.

    Attributes:
        lessons: photographs with faces.
        portraits: faces cut close.
        empty: photographs without faces.
        watched: photographs with and without faces that it does not learn from.
        summary: all of it in figures.
    """

    lessons: Sequence[Lesson]
    portraits: Sequence[Lesson]
    empty: Sequence[Lesson]
    watched: Sequence[Lesson]
    summary: Summary


def gather(
    photographs: Sequence[Photograph], teacher: Detector | None, portraits: Sequence[Lesson]
) -> Material:
    """Read the training photographs, ask the teacher about them, and set a twelfth aside.

    Raises:
        DataError: one cannot be read, or there are none with faces to learn from or to watch.
    """
    training = of_split(photographs, Split.TRAIN)
    watched = [one for one in training if is_watched(one)]
    learnt = [one for one in training if not is_watched(one)]
    lessons = read_lessons([one for one in learnt if len(one.boxes)], teacher)
    watched_lessons = read_lessons(watched, teacher)
    if not lessons or not any(len(one.boxes) for one in watched_lessons):
        raise DataError(
            f"expected training photographs with faces, enough to set a twelfth aside, found "
            f"{len(lessons)} to learn from"
        )
    empty = read_lessons([one for one in learnt if not len(one.boxes)], None)
    summary = Summary(
        photographs=len(learnt),
        faces=sum(int((~one.ignored).sum()) for one in learnt),
        watched=len(watched),
        sources=tuple(sorted({one.source for one in training})),
        portraits=len(portraits),
    )
    return Material(lessons, portraits, empty, watched_lessons, summary)


def train_detector(recipe: DetectorRecipe, material: Material, directory: Path) -> Path:
    """Train the network, watching photographs it does not learn from; return its file.

    As for the classifiers: a training that was killed goes on where its last whole epoch ended,
    exactly as if it had run through; after every epoch the averaged weights so far are written; and
    the last epoch is the one kept.

    Args:
        recipe: hyper-parameters.
        material: what to learn from.
        directory: where model, recipe, log and curves go; created when missing.

    Raises:
        ConfigError: the folder holds another training, or one that is finished; or what the recipe
            starts from is not there.
    """
    claim(directory, recipe)
    (directory / SUMMARY).write_bytes(msgspec.json.encode(material.summary))
    use_precision(recipe.dtype)
    use_every_device()
    studio = Studio(
        material.lessons,
        material.portraits,
        [one.image for one in material.empty],
        recipe.scenes,
    )
    batches = SceneBatches(studio, recipe)
    keras.utils.set_random_seed(recipe.seed)
    shape = (recipe.height, recipe.width, recipe.channels)
    network = begin(detector(*shape), recipe, directory)
    trainee = Trainee(network, DetectionLoss(Cells(recipe.height, recipe.width)))
    trainee.compile(
        optimizer=new_optimizer(recipe, recipe.steps),
        jit_compile=keras.backend.backend() == "jax",  # elsewhere it costs more than it gains
    )
    checkpoint = Checkpoint(directory / CHECKPOINT, batches)
    plain = _Plain(network, shape)
    empty = Watched(material.empty, shape)
    trainee.fit(
        batches,
        initial_epoch=checkpoint.restore(trainee),
        epochs=recipe.epochs,
        verbose=0,
        shuffle=False,  # the batches are drawn anew, the same way after a resume
        callbacks=[
            checkpoint,  # before the weights are swapped for their average
            Averaging(),
            _Mining(studio, empty, plain, recipe.mined_every, directory / MINED),
            _Watching(Watched(material.watched, shape), plain, directory / MODEL),
            keras.callbacks.CSVLogger(directory / LOG, append=checkpoint.epoch > 0),
            Progress(recipe.epochs, recipe.steps, _told),
        ],
    )
    draw_curves(directory / LOG, directory / CURVES, PANELS)
    for file in (CHECKPOINT, MINED):
        (directory / file).unlink(missing_ok=True)
    return directory / MODEL


def _told(figures: dict[str, float]) -> str:
    """Return an epoch's figures in words."""
    parts = ", ".join(f"{part} {figures.get(part, 0):.3f}" for part in PARTS)
    return f"{parts}, average precision {figures.get('watched', 0):.1%}"


class _Plain:
    """A copy of a network in float32: bfloat16 is for training alone."""

    def __init__(self, network: Model, shape: tuple[int, int, int]) -> None:
        self._network = network
        with in_float32():
            self._copy = detector(*shape)

    def now(self) -> Model:
        """Return it with the network's weights of this moment."""
        copy_weights(self._network, self._copy)
        return self._copy


class _Watching(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """Writes the network after each epoch and adds its average precision to the log."""

    def __init__(self, watched: Watched, plain: _Plain, path: Path) -> None:
        super().__init__()
        self._watched = watched
        self._plain = plain
        self._path = path

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        network = self._plain.now()
        write_network(network, self._path)
        if logs is not None:
            logs["watched"] = self._watched.average_precision(ask(network, self._watched.pictures))


class _Mining(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """Searches the photographs without faces for what the network takes for one.

    Those in which it errs most are shown more (hard examples, Shrivastava et al. 2016,
    arXiv:1604.03540). It searches as an epoch begins, so that a training taken up again there
    finds the same.
    """

    def __init__(
        self, studio: Studio, empty: Watched, plain: _Plain, every: int, path: Path
    ) -> None:
        super().__init__()
        self._studio = studio
        self._empty = empty
        self._plain = plain
        self._every = every if len(empty.pictures) else 0
        self._path = path

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if not self._every or epoch < self._every:
            return
        if epoch % self._every == 0:
            found = self._empty.find(ask(self._plain.now(), self._empty.pictures))
            errors = np.array([one.scores.max(initial=0) for one in found]) ** 2
            share = errors / max(errors.sum(), 1e-9)
            np.save(self._path, (1 - HARD) / len(errors) + HARD * share)
        weights = np.load(self._path)
        self._studio.weights = weights / weights.sum()
