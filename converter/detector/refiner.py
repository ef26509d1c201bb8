"""The refiner: its training crops, its training, and its quantization to an int8 .tflite."""

import logging
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import cv2
import keras
import msgspec
import numpy as np
from keras import ops
from numpy.typing import NDArray

from converter.detector.annotations import AnnotatedImage, Split, of_split
from converter.detector.average_precision import Truth, overlaps
from converter.detector.loss import STRIDES, LossPartsModel
from converter.detector.quantize import CANDIDATE, LICENCE, without_rescaling
from converter.detector.sample_generator import SampleGenerator
from converter.detector.samples import (
    TrainingSample,
    ValidationSet,
    is_validation,
    predict,
    read_samples,
)
from converter.detector.train import DetectorRun, Targets, TrainingData
from converter.models.detector import REFINER_SIDE as SIDE
from converter.models.detector import Model, refiner
from converter.quantize.tflite import (
    Precision,
    measure_speed,
    move,
    multiply_adds,
    refuse_existing,
    to_tflite,
    write_card,
)
from converter.recipes import RefinerRecipe, SampleGeneratorConfig
from converter.train.augmentation import augment_image
from converter.train.loop import Float32Copy, fit, initial_network, use_precision
from converter.train.optimizer import new_optimizer
from converter.train.run_dir import CHECKPOINT, MODEL, is_finished, prepare_run_dir
from edge.detect.builtin import CONTEXT, Refiner, cells, cut, decode, nms, square_around
from edge.errors import DataError, ModelError
from edge.geometry import Box
from edge.model_card import DetectorInput, RefinerCard
from edge.paths import sha256
from edge.types import Image

log = logging.getLogger(__name__)

MIN_CONFIDENCE = 0.15
"""Confidence from which what the detector takes for a face is collected."""

MAX_ERROR_IOU, MIN_FACE_IOU = 0.3, 0.5
"""Overlap (IoU) with a face below which a candidate is none, and from which it is one."""

MAX_CANDIDATES = 8
"""Candidates of a sample that are collected, the surest."""

MARGIN = 2.0
"""Sides of a crop that are kept around a candidate, so that it can be turned and moved."""

PHOTOMETRIC = SampleGeneratorConfig(blurred=0.06, noisy=0.06, compressed=0.1)
"""How crops are relit and spoilt; generated samples were spoilt before."""

PARTS = ("face", "point")

SURE_WITHIN = 0.02
"""Sides of the crop within which a point's error counts by its square: an eye is moved by so much
when a head is tilted by ten degrees."""

POINT_WEIGHT = 0.5

WAYS = np.kron([np.eye(4)[a] - np.eye(4)[b] for a, b in combinations(range(4), 2)], np.eye(2)).T
"""Takes four points to the ways between any two, (8, 12)."""

EXAMPLES = 400
"""Images whose candidates show the quantizer the range of every activation."""

CHUNK = 200
"""Images that are held in memory at once."""

RIDGE = 1e-3
"""Weight of the squares of the fitted weights, which keeps them finite."""

LIMITS = (
    "It judges what a detector found, and says where eyes, nose and mouth would be whether or not "
    "there is a face. It tells nothing of who it is."
)


@dataclass(frozen=True, slots=True)
class CropSquare:
    """A square of an image, cut out as `SIDE` pixels.

    Middle and side are in pixels of the image; `turn` is in degrees, counter-clockwise.
    """

    x: float
    y: float
    side: float
    turn: float = 0.0

    def matrix(self, pixels: int = SIDE) -> NDArray[np.float64]:
        """Return what takes pixels of the image to those of the crop, (2, 3)."""
        zoom = pixels / self.side
        matrix = np.array(cv2.getRotationMatrix2D((self.x, self.y), self.turn, zoom), np.float64)
        matrix[:, 2] += [pixels / 2 - self.x, pixels / 2 - self.y]
        return matrix

    def cut(self, image: Image, pixels: int = SIDE) -> Image:
        """Return the crop; beyond the image it is black."""
        matrix = self.matrix(pixels)
        while np.sqrt(abs(np.linalg.det(matrix[:, :2]))) <= 0.6 and min(image.shape[:2]) > 2:
            image = np.asarray(
                cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8
            )
            matrix[:, :2] *= 2
        matrix[:, 2] += matrix[:, :2].sum(axis=1) / 2 - 0.5  # to a warp 0 is a pixel's middle
        cut = cv2.warpAffine(image, matrix, (pixels, pixels), flags=cv2.INTER_LINEAR)
        return np.asarray(cut, np.uint8)


def collect_hard_negatives(
    network: Model, generator: SampleGenerator, count: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return what a detector takes for faces in `count` samples, uint8 (n, side, side, 3).

    Raises:
        DataError: there is nothing.
    """
    _, height, width, _ = network.input_shape
    grid = cells((height, width), STRIDES)
    negatives: list[Image] = []
    for _ in range(0, count, 32):
        generated = [generator.draw(height, width, rng) for _ in range(32)]
        answer = predict(network, np.stack([sample.image for sample in generated]))
        for sample, scores, boxes in zip(generated, answer["scores"], answer["boxes"], strict=True):
            confidences, values = decode(scores, boxes, grid, MIN_CONFIDENCE)
            found = values[nms(confidences, values)[:MAX_CANDIDATES]]
            for box in _false_candidates(found, sample):
                x, y, side = square_of(box)
                kept = CropSquare(x, y, MARGIN * side).cut(sample.image, round(MARGIN * SIDE))
                negatives.append(kept)
    if not negatives:
        raise DataError(
            f"expected errors of the detector to learn from, found none in {count} scenes; "
            "raise the recipe's `scenes`, or train the detector for longer"
        )
    return np.stack(negatives)


def _false_candidates(found: NDArray[np.float32], sample: TrainingSample) -> NDArray[np.float32]:
    """Return the boxes that are of no face, and of nothing that may be one."""
    if not len(sample.boxes):
        return found
    ious = overlaps(found.astype(np.float32), sample.boxes)
    return found[(ious < np.where(sample.ignored, 0.05, MAX_ERROR_IOU)).all(axis=1)]


def square_of(box: NDArray[np.float32]) -> tuple[float, float, float]:
    """Return middle and side of the crop of a box: left, top, right, bottom."""
    x1, y1, x2, y2 = box.tolist()
    return (x1 + x2) / 2, (y1 + y2) / 2, CONTEXT * max(x2 - x1, y2 - y1)


class CropBatches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras ships no types
    """Batches of (crops (n, SIDE, SIDE, 3), targets), one half faces.

    Every batch is drawn from (seed, epoch, index) alone. The targets are `face` (n,), 0 or 1;
    `points` (n, 8) in sides of the crop from its middle; `pointed` (n,), 0 where these are unknown.
    """

    def __init__(
        self, samples: Sequence[TrainingSample], negatives: NDArray[np.uint8], recipe: RefinerRecipe
    ) -> None:
        super().__init__()
        self._samples, self._negatives, self._recipe = samples, negatives, recipe
        faces = sorted(
            (float(sample.boxes[row, 3] - sample.boxes[row, 1]), number, int(row))
            for number, sample in enumerate(samples)
            for row in np.flatnonzero(~sample.ignored)
        )
        self._faces = [(number, row) for _, number, row in faces]  # the smallest first
        self._heights = np.array([height for height, _, _ in faces])
        self.epoch = 0

    def __len__(self) -> int:
        return self._recipe.steps

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], Targets]:
        rng = np.random.default_rng((self._recipe.seed, self.epoch, index))
        half = self._recipe.batch_size // 2
        faces = [self._face(rng) for _ in range(half)]
        others = [self._negative(rng) for _ in range(self._recipe.batch_size - half)]
        unknown = [np.full((4, 2), np.nan, np.float32)] * len(others)
        images = [*(image for image, _ in faces), *others]
        crops = np.stack([augment_image(image, PHOTOMETRIC, rng) for image in images])
        points = np.stack([*(points for _, points in faces), *unknown]).reshape(len(crops), 8)
        targets: Targets = {
            "face": np.repeat(np.array([1, 0], np.float32), [half, len(others)]),
            "points": np.nan_to_num(points),
            "pointed": np.asarray(~np.isnan(points).any(axis=1), np.float32),
        }
        return crops, targets

    def _face(self, rng: np.random.Generator) -> tuple[Image, NDArray[np.float32]]:
        """Draw a face of a size drawn evenly, and its points, (4, 2)."""
        low, high = np.log(self._recipe.smallest), np.log(self._heights[-1])
        tall = np.exp(rng.uniform(low, high))
        first = min(int(np.searchsorted(self._heights, tall)), len(self._faces) - 1)
        number, row = self._faces[int(rng.integers(first, len(self._faces)))]
        sample = self._samples[number]
        square = self._moved(*square_of(sample.boxes[row]), rng)
        height = float(sample.boxes[row, 3] - sample.boxes[row, 1])
        image = square.cut(sample.image)
        if tall < min(height, SIDE / CONTEXT):  # as a small face looks once it is enlarged
            small = max(4, round(SIDE * tall / (SIDE / CONTEXT)))
            small_image = square.cut(sample.image, small)
            image = np.asarray(cv2.resize(small_image, (SIDE, SIDE)), np.uint8)
        matrix = square.matrix()
        points = (sample.points[row] @ matrix[:, :2].T + matrix[:, 2]) / SIDE - 0.5
        if rng.random() < 0.5:
            image, points = image[:, ::-1], (points * [-1, 1])[[1, 0, 2, 3]]
        return np.ascontiguousarray(image), points.astype(np.float32)

    def _negative(self, rng: np.random.Generator) -> Image:
        kept = self._negatives[int(rng.integers(len(self._negatives)))]
        middle = len(kept) / 2
        image = self._moved(middle, middle, SIDE, rng).cut(kept)
        return np.ascontiguousarray(image[:, ::-1] if rng.random() < 0.5 else image)

    def _moved(self, x: float, y: float, side: float, rng: np.random.Generator) -> CropSquare:
        """Return a square as far off as a detector's box is, turned."""
        recipe, height = self._recipe, side / CONTEXT
        right, down = rng.normal(0, recipe.shift * height, 2).tolist()
        larger = float(np.exp(rng.normal(0, recipe.scale)))
        turn = float(rng.uniform(-recipe.turn, recipe.turn))
        return CropSquare(x + right, y + down, larger * side, turn)


def train_refiner(
    recipe: RefinerRecipe, detector: DetectorRun, data: TrainingData, directory: Path
) -> Path:
    """Train the refiner on a detector's finds and errors; return its file.

    A training that was killed goes on as the detector's does; `data` is what that one learned from.

    Raises:
        ConfigError: the folder holds another training, or one that is finished.
    """
    prepare_run_dir(directory, recipe)
    use_precision(recipe.dtype)
    rng = np.random.default_rng(recipe.seed)
    generator = data.generator(detector.recipe)
    negatives = collect_hard_negatives(detector.network, generator, recipe.scenes, rng)
    log.info("%d errors of the detector in %d scenes", len(negatives), recipe.scenes)
    batches = CropBatches([*data.samples, *data.closeups], negatives, recipe)
    keras.utils.set_random_seed(recipe.seed)
    network = initial_network(refiner(), recipe, directory)
    model = LossPartsModel(network, PARTS, loss_parts)
    model.compile(optimizer=new_optimizer(recipe, recipe.steps), jit_compile=False)
    fit(model, Float32Copy(network, refiner), batches, recipe, directory, describe=_describe)
    (directory / CHECKPOINT).unlink(missing_ok=True)
    return directory / MODEL


def open_refiner(directory: Path) -> Model:
    """Return the network that `train_refiner` left in a folder.

    Raises:
        ModelError: its training is not finished, or there is none.
    """
    if not is_finished(directory):
        raise ModelError(f"{directory}: expected a finished training; run train-refiner")
    return keras.saving.load_model(directory / MODEL, compile=False)


def _describe(figures: Mapping[str, float]) -> str:
    return ", ".join(f"{part} {figures.get(part, 0):.3f}" for part in PARTS)


def loss_parts(truth: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """Return the cross entropy of faces, and how far off the points are, each a scalar.

    Points are held against their places and against each other: how they lie to each other tells
    how a head is turned and tilted. `truth` is what `CropBatches` gives.
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


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    """Candidate of a detector, and whether it is a face; None is unclear."""

    image: Image
    box: Box
    score: float
    face: bool | None


def quantize_refiner(
    network: Any, detector: Model, images: Sequence[AnnotatedImage], path: Path, force: bool
) -> RefinerCard:
    """Write an int8 .tflite of a refinement network, with its card; return the card.

    Args:
        network: as `train_refiner` left it.
        detector: whose candidates it will see.
        images: of both splits; the watched ones fit how both answers are put together.
        path: of the .tflite; its folder exists.
        force: write over existing files.

    Raises:
        ModelError: a file is there already.
    """
    if not force:
        refuse_existing(path)
    training = of_split(images, Split.TRAIN)
    learned = [one for one in training if not is_validation(one)]
    chosen = np.random.default_rng(0).permutation(len(learned))[:EXAMPLES]
    examples = [
        cut(one.image, square_around(one.box), SIDE)
        for one in _candidates(detector, [learned[number] for number in chosen.tolist()])
    ]
    watched = list(_candidates(detector, [one for one in training if is_validation(one)]))
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".quantize-") as scratch:
        inside = Path(scratch) / path.name
        bare = without_rescaling(network)
        inside.write_bytes(to_tflite(bare, Precision.INT8, np.stack(examples), input_type="int8"))
        card = _described(inside, network)
        write_card(inside, card)
        rows = _logits_and_truth(Refiner(inside), watched)
        weights = fit_logistic(rows[:, :2], rows[:, 2])
        card = msgspec.structs.replace(card, weights=weights, measured=tuple(_measured_text(rows)))
        write_card(inside, card)
        move(inside, path)
    return card


def _described(path: Path, network: keras.Model) -> RefinerCard:
    return RefinerCard(
        name=path.stem,
        input=DetectorInput((SIDE, SIDE, 3), "int8", "bgr"),
        weights=(0.0, 1.0, 0.0),
        sha256=sha256(path),
        size=path.stat().st_size,
        parameters=int(network.count_params()),
        multiply_adds=multiply_adds(network),
        training_data="Faces of the photographs of the detector, and its errors in these.",
        measured=(),
        speed=measure_speed([path])[0],
        licence=LICENCE,
        limits=LIMITS,
    )


def _candidates(detector: Model, images: Sequence[AnnotatedImage]) -> Iterator[_Candidate]:
    """Yield what a detector takes for faces in images fitted into what it sees."""
    for part in range(0, len(images), CHUNK):
        samples = read_samples(images[part : part + CHUNK], teacher=None)
        fitted = ValidationSet(samples, detector.input_shape[1:])
        found = fitted.find(predict(detector, fitted.images))
        for image, truth, faces in zip(fitted.images, fitted.truth, found, strict=True):
            for box, score in zip(faces.boxes, faces.scores.tolist(), strict=True):
                if score >= CANDIDATE:
                    yield _Candidate(image, Box(*box.tolist()), score, _is_face(box, truth))


def _is_face(box: NDArray[np.float32], truth: Truth) -> bool | None:
    """Tell whether a candidate is a face; None where that is unclear."""
    if not len(truth.boxes):
        return False
    shared = overlaps(box[None], truth.boxes)[0]
    best = int(shared.argmax())
    if shared[best] < MAX_ERROR_IOU and not (truth.ignored & (shared > 0)).any():
        return False
    return True if shared[best] >= MIN_FACE_IOU and not truth.ignored[best] else None


def _logits_and_truth(refiner: Refiner, candidates: Sequence[_Candidate]) -> NDArray[np.float64]:
    """Return logits of detector and refiner, and the truth, of the clear candidates, (n, 3)."""
    rows = [
        (math.log(one.score / (1 - one.score)), refiner.look(one.image, one.box)[0], one.face)
        for one in candidates
        if one.face is not None
    ]
    return np.array(rows, np.float64).reshape(-1, 3)


def fit_logistic(
    logits: NDArray[np.float64], truth: NDArray[np.float64]
) -> tuple[float, float, float]:
    """Return weights of two logits, (n, 2), and an offset, whose sum is the logit of the truth.

    Newton's method (iteratively reweighted least squares).
    """
    rows = np.column_stack([logits, np.ones(len(logits))])
    weights = np.zeros(3)
    for _ in range(30):
        chances = 1 / (1 + np.exp(-rows @ weights))
        slope = rows.T @ (truth - chances) - RIDGE * weights
        curve = (rows * (chances * (1 - chances))[:, None]).T @ rows + RIDGE * np.eye(3)
        weights += np.linalg.solve(curve, slope)
    first, second, offset = (round(float(weight), 3) for weight in weights)
    return first, second, offset


def _measured_text(rows: NDArray[np.float64]) -> Iterator[str]:
    """Yield in words how many errors of the detector pass where 95 % of the faces do."""
    faces = rows[:, 2] > 0
    yield f"watched photographs: {faces.sum():,} faces, {(~faces).sum():,} errors of the detector"
    fitted = np.array(fit_logistic(rows[:, :2], rows[:, 2]))
    both = np.column_stack([rows[:, :2], np.ones(len(rows))]) @ fitted
    for name, values in (("the detector", rows[:, 0]), ("both", both)):
        least = np.quantile(values[faces], 0.05)
        passed = (values[~faces] >= least).mean()
        yield f"where 95 % of the faces pass by {name}, {passed:.1%} of the errors do"
