"""Training of a detector by a recipe, and what a finished training left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.detector.annotations import AnnotatedImage, Split, of_split
from converter.detector.loss import CANDIDATES, PARTS, DetectionLoss, Grid, LossPartsModel
from converter.detector.sample_generator import SampleGenerator
from converter.detector.samples import (
    TrainingSample,
    ValidationSet,
    as_input,
    is_validation,
    predict,
    read_samples,
)
from converter.models.detector import Model, detector
from converter.recipes import DetectorRecipe
from converter.train.loop import Float32Copy, draw_curves, fit, initial_network, use_precision
from converter.train.optimizer import new_optimizer
from converter.train.run_dir import (
    CHECKPOINT,
    CURVES,
    LOG,
    MODEL,
    RECIPE,
    prepare_run_dir,
    read_recipe,
)
from edge.detect import Detector
from edge.errors import DataError, ModelError

PANELS = {
    "loss": {part: part for part in PARTS},
    "average precision of watched photographs": {"16 pixels and more": "watched"},
}
"""What the curves show."""

HARD = 0.8
"""Share of the times an image without faces is shown that goes by the square of the surest
false face in it; the rest is even."""

SUMMARY = "material.json"
"""What a training learned from, in figures."""

MINED = "mined.npy"
"""How often each image without a face is shown, from one search to the next."""

Targets = dict[str, NDArray[Any]]


class DataSummary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Summary of a detector's training data, for its card.

    Attributes:
        photographs: learned from, with faces and without.
        faces: marked in them.
        watched: images that were only validated on.
        sources: of all of them.
        portraits: faces cut close.
    """

    photographs: int
    faces: int
    watched: int
    sources: tuple[str, ...]
    portraits: int


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Images that a detector learns from, and those that it is validated on.

    Attributes:
        samples: images with faces.
        closeups: faces cut close.
        empty: images without faces.
        validation: images with and without faces that it does not learn from.
        summary: all of it in figures.
    """

    samples: Sequence[TrainingSample]
    closeups: Sequence[TrainingSample]
    empty: Sequence[TrainingSample]
    validation: Sequence[TrainingSample]
    summary: DataSummary

    def generator(self, recipe: DetectorRecipe) -> SampleGenerator:
        """Return what draws samples from it."""
        empty = [one.image for one in self.empty]
        return SampleGenerator(self.samples, self.closeups, empty, recipe.scenes)


def prepare_data(
    images: Sequence[AnnotatedImage], teacher: Detector | None, closeups: Sequence[TrainingSample]
) -> TrainingData:
    """Read the training images, let a teacher label them, and set a twelfth aside.

    Raises:
        DataError: one cannot be read, or there are none with faces to learn from or to validate on.
    """
    training = of_split(images, Split.TRAIN)
    watched = [one for one in training if is_validation(one)]
    learned = [one for one in training if not is_validation(one)]
    samples = read_samples([one for one in learned if len(one.boxes)], teacher)
    validation = read_samples(watched, teacher)
    if not samples or not any(len(one.boxes) for one in validation):
        raise DataError(
            f"expected training photographs with faces, enough to set a twelfth aside, found "
            f"{len(samples)} to learn from"
        )
    empty = read_samples([one for one in learned if not len(one.boxes)], None)
    summary = DataSummary(
        photographs=len(learned),
        faces=sum(int((~one.ignored).sum()) for one in learned),
        watched=len(watched),
        sources=tuple(sorted({one.source for one in training})),
        portraits=len(closeups),
    )
    return TrainingData(samples, closeups, empty, validation, summary)


class SampleBatches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras ships no types
    """Batches of (images (n, height, width, channels), targets).

    Every batch is drawn from (seed, epoch, index) alone, as the classifiers' are. The targets are

        boxes       (n, faces, 4)            left, top, right, bottom in pixels
        known       (n, faces)               1 for a face, 0 for an empty place
        candidates  (n, faces, CANDIDATES)   cells that may answer, -1 for none
        background  (n, cells)               0 where it is unknown whether there is a face
    """

    def __init__(self, generator: SampleGenerator, recipe: DetectorRecipe) -> None:
        super().__init__()
        self._generator = generator
        self._recipe = recipe
        self._grid = Grid(recipe.height, recipe.width)
        self.epoch = 0

    def __len__(self) -> int:
        return self._recipe.steps

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], Targets]:
        recipe = self._recipe
        rng = np.random.default_rng((recipe.seed, self.epoch, index))
        samples = [
            self._generator.draw(recipe.height, recipe.width, rng) for _ in range(recipe.batch_size)
        ]
        images = np.stack([as_input(sample.image, recipe.channels) for sample in samples])
        targets = [targets_of(sample, self._grid, recipe.most_faces, rng) for sample in samples]
        return images, {name: np.stack([one[name] for one in targets]) for name in targets[0]}


def targets_of(sample: TrainingSample, grid: Grid, most: int, rng: np.random.Generator) -> Targets:
    """Return the targets of one sample; of more than `most` faces, some are ignored."""
    faces = np.flatnonzero(~sample.ignored)
    if len(faces) > most:
        faces = rng.permutation(faces)[:most]
    count = len(faces)
    ignored = np.delete(sample.boxes, faces, axis=0)
    targets: Targets = {
        "boxes": np.zeros((most, 4), np.float32),
        "known": np.zeros(most, np.float32),
        "candidates": np.full((most, CANDIDATES), -1, np.int32),
        "background": 1 - grid.inside(ignored).astype(np.float32),
    }
    targets["boxes"][:count] = sample.boxes[faces]
    targets["known"][:count] = 1
    targets["candidates"][:count] = grid.candidates(sample.boxes[faces])
    return targets


def train_detector(recipe: DetectorRecipe, data: TrainingData, directory: Path) -> Path:
    """Train the network, validating on images it does not learn from; return its file.

    As for the classifiers, a training that was killed goes on where its last whole epoch ended,
    and the last epoch is the one kept.

    Args:
        recipe: hyper-parameters.
        data: what to learn from.
        directory: where model, recipe, log and curves go; created when missing.

    Raises:
        ConfigError: the folder holds another training, or one that is finished; or what the recipe
            starts from is not there.
    """
    prepare_run_dir(directory, recipe)
    (directory / SUMMARY).write_bytes(msgspec.json.encode(data.summary))
    use_precision(recipe.dtype)
    generator = data.generator(recipe)
    keras.utils.set_random_seed(recipe.seed)
    shape = (recipe.height, recipe.width, recipe.channels)
    network = initial_network(detector(*shape), recipe, directory)
    model = LossPartsModel(network, PARTS, DetectionLoss(Grid(recipe.height, recipe.width)))
    model.compile(optimizer=new_optimizer(recipe, recipe.steps), jit_compile=False)
    copy = Float32Copy(network, lambda: detector(*shape))
    empty = ValidationSet(data.empty, shape)
    fit(
        model,
        copy,
        SampleBatches(generator, recipe),
        recipe,
        directory,
        describe=_describe,
        callbacks=[
            _HardNegativeMining(generator, empty, copy, recipe.mined_every, directory / MINED),
            _ValidationCallback(ValidationSet(data.validation, shape), copy),
        ],
    )
    draw_curves(directory / LOG, directory / CURVES, PANELS)
    for file in (CHECKPOINT, MINED):
        (directory / file).unlink(missing_ok=True)
    return directory / MODEL


def _describe(figures: Mapping[str, float]) -> str:
    parts = ", ".join(f"{part} {figures.get(part, 0):.3f}" for part in PARTS)
    return f"{parts}, average precision {figures.get('watched', 0):.1%}"


class _ValidationCallback(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """Adds the average precision of the validation set to the log."""

    def __init__(self, validation: ValidationSet, copy: Float32Copy) -> None:
        super().__init__()
        self._validation, self._copy = validation, copy

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        answer = predict(self._copy.current(), self._validation.images)
        if logs is not None:
            logs["watched"] = self._validation.average_precision(answer)


class _HardNegativeMining(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """Searches the images without faces for what the network takes for one.

    Those in which it errs most are shown more (hard examples, Shrivastava et al. 2016,
    arXiv:1604.03540). It searches as an epoch begins, so that a training taken up again there
    finds the same.
    """

    def __init__(
        self,
        generator: SampleGenerator,
        empty: ValidationSet,
        copy: Float32Copy,
        every: int,
        path: Path,
    ) -> None:
        super().__init__()
        self._generator, self._empty, self._copy, self._path = generator, empty, copy, path
        self._every = every if len(empty.images) else 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if not self._every or epoch < self._every:
            return
        if epoch % self._every == 0:
            found = self._empty.find(predict(self._copy.current(), self._empty.images))
            errors = np.array([one.scores.max(initial=0) for one in found]) ** 2
            share = errors / max(errors.sum(), 1e-9)
            np.save(self._path, (1 - HARD) / len(errors) + HARD * share)
        weights = np.load(self._path)
        self._generator.weights = weights / weights.sum()


@dataclass(frozen=True, slots=True)
class DetectorRun:
    """A finished training: the network, its recipe, and what it learned from."""

    network: Model
    recipe: DetectorRecipe
    summary: DataSummary


def load_run(directory: Path) -> DetectorRun:
    """Read what `emotiond-convert train-detector` left in `directory`.

    Raises:
        ModelError: a file is missing or unreadable, or the training is not finished.
    """
    if (directory / CHECKPOINT).exists():
        raise ModelError(f"{directory}: its training is not finished; run train-detector again")
    try:
        recipe = read_recipe(directory, DetectorRecipe)
        summary = msgspec.json.decode((directory / SUMMARY).read_bytes(), type=DataSummary)
        network = keras.saving.load_model(directory / MODEL, compile=False)
        return DetectorRun(network, recipe, summary)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelError(
            f"{directory}: holds no training of a detector ({error}); expected {MODEL}, {SUMMARY} "
            f"and {RECIPE}, as emotiond-convert train-detector writes them"
        ) from error
