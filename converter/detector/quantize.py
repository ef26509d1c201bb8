"""Quantization of detector and refiner to int8 .tflite files with cards, each verified first."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import keras
import msgspec
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from converter import models
from converter.detector import average_precision as ap
from converter.detector import evaluate
from converter.detector.annotations import AnnotatedImage, Size, of_split
from converter.detector.evaluate import REFERENCE_SIZE
from converter.detector.loss import STRIDES
from converter.detector.refiner import NO_FACE, UNCLEAR, Finder, match
from converter.detector.samples import DataSummary, ValidationSet, is_validation, read_samples
from converter.detector.train import DetectorRun
from converter.models import REFINER_SIDE, Model, copy_weights
from converter.quantize import tflite
from edge.detect.builtin import CONTEXT, BuiltinDetector, BuiltinSettings, Refiner, cut
from edge.errors import DataError, ModelError
from edge.geometry import Box, CropCalibration
from edge.model_card import DetectorCard, DetectorInput, RefinerCard
from edge.tflite import logit
from edge.types import Image

MAX_LOSS = 0.01  # average precision that int8 may lose against float32 on the validation images
EXAMPLES, REFINER_EXAMPLES = 200, 400  # images, or those of finds, that show int8 its ranges
MAX_FPR = 0.02  # share of the images without faces in which the default confidence finds one
KEPT_MAX_FPR = 0.05  # the same of the confidence that counts where a face is known already
LOWEST_THRESHOLD, HIGHEST_THRESHOLD = 0.3, 0.99  # of the default confidence
CANDIDATE = 0.25  # confidence from which a second look is taken, at some two or three places
RIDGE = 1e-3  # weight of the squares of the refiner's fitted weights, which keeps them finite
WIDER = "widerface"  # the source that is judged by itself too: its boxes are the best

LICENCE = (
    "Weights: for research use. They were learnt from photographs that belong to their owners and "
    "are not part of this project."
)

LIMITS = (
    "It finds upright faces that look at the camera or somewhat beside it, masked ones too; the "
    "more a head is tilted or turned, the fewer. Ages, skins and cultures are not evenly "
    "represented in what it learnt from. It tells where a face is, not whose."
)

REFINER_LIMITS = (
    "It judges what a detector found, and says where eyes, nose and mouth would be whether or not "
    "there is a face. It tells nothing of who it is."
)

Card = TypeVar("Card", DetectorCard, RefinerCard)
Images = Sequence[AnnotatedImage]
Weights = tuple[float, float, float]  # of the logits of detector and refiner, and the offset


def quantize_detector(
    run: DetectorRun,
    size: Size,
    images: Images,
    faces: NDArray[np.uint8],
    path: Path,
    *,
    refiner: Path | None = None,
    force: bool = False,
) -> DetectorCard:
    """Write an int8 .tflite for images of one size, with its card; return the card.

    Training images show the ranges and verify, the card's figures are of test images. The crops are
    fitted to faces cut close, uint8 (n, side, side). The .tflite of a refiner looks again at what
    is found, None is the shipped one. Force writes over files, and what would be refused: else a
    ModelError where a file is there, or int8 lost too much. DataError where images are missing.
    """
    _check(images)
    network = models.detector(size[1], size[0])
    copy_weights(run.network, network)
    training, test = (of_split(images, split) for split in ("train", "test"))
    with tflite.new_model(path, force) as inside:
        chosen = np.random.default_rng(0).permutation(len(training))[:EXAMPLES].tolist()
        shown = read_samples((training[number] for number in chosen), teacher=None)
        examples = ValidationSet(shown, network.input_shape[1:3]).images
        card = DetectorCard(
            **write_int8(network, examples, inside),
            input=DetectorInput(network.input_shape[1:], "int8", "bgr"),
            strides=STRIDES,
            candidate_confidence=CANDIDATE,
            min_confidence=ap.MIN_SCORE,
            keep_confidence=ap.MIN_SCORE,
            crop_fit=CropCalibration(1.0, 0.0, 0.0),
            smallest_face=run.recipe.scenes.smallest,
            largest_face=size[1],
            training_data=_training_data_text(run.summary),
            measured=(),
            limits=LIMITS,
        )
        tflite.write_card(inside, card)
        settings = BuiltinSettings(model=inside, refiner=refiner)
        detector = settings.open()
        if not force:
            _check_accuracy(detector, network, training)
        # The surest false face of each image without any; 0 if none.
        found = [detector.detect(one.read()) for one in training if not len(one.boxes)]
        scores = [max((face.confidence for face in faces), default=0.0) for faces in found]
        sure, kept = (threshold_for_fpr(scores, share) for share in (MAX_FPR, KEPT_MAX_FPR))
        card = change_card(inside, card, min_confidence=sure, keep_confidence=kept)
        fitted, _ = evaluate.fit_crop(settings.open(), faces, seed=0)
        card = change_card(inside, card, crop_fit=fitted)
        variants = [evaluate.DetectorVariant(card.name, settings)]
        results = evaluate.evaluate_detectors(variants, test, size)
        (figures,) = evaluate.build_report("test split", results, test, size).detectors
        apart = [figures.sources[WIDER]] if WIDER in figures.sources else []
        return change_card(inside, card, measured=(figures.overall, *apart))


def _check(images: Images) -> None:
    """Without any of these a card would say what nobody measured."""
    training, test = (of_split(images, split) for split in ("train", "test"))
    some = {
        "training photographs without faces": [one for one in training if not len(one.boxes)],
        "watched training photographs with faces": [
            one for one in training if is_validation(one) and not one.ignored.all()
        ],
        "test photographs with faces": [one for one in test if not one.ignored.all()],
    }
    missing = [name for name, found in some.items() if not found]
    if missing:
        raise DataError(f"expected {missing[0]}, found none among {len(images)} photographs")


def write_int8(network: Model, examples: NDArray[np.uint8], path: Path) -> dict[str, Any]:
    """Write the int8 .tflite of a network; return the fields that the card of any such has."""
    bare = _without_rescaling(network)
    path.write_bytes(tflite.to_tflite(bare, tflite.Precision.INT8, examples, input_type="int8"))
    known = tflite.describe_file(path, network)
    return {**known, "speed": tflite.measure_speed([path])[0], "licence": LICENCE}


def change_card(path: Path, card: Card, **changes: Any) -> Card:
    """Write the card of a .tflite with some fields changed; return it."""
    card = msgspec.structs.replace(card, **changes)
    tflite.write_card(path, card)
    return card


def _without_rescaling(network: Model) -> Model:
    """Return the same function, its scale made part of the first kernel: a pass less."""
    scale = 1.0

    def plain(layer: Any) -> Any:
        nonlocal scale
        if isinstance(layer, keras.layers.Rescaling):
            scale = layer.scale
            return keras.layers.Identity(name=layer.name)
        return type(layer).from_config(layer.get_config())

    bare = keras.models.clone_model(network, clone_function=plain)
    copy_weights(network, bare)
    first = next(layer for layer in bare.layers if isinstance(layer, keras.layers.Conv2D))
    first.set_weights([first.get_weights()[0] * scale])
    return bare


def _check_accuracy(detector: BuiltinDetector, network: Model, training: Images) -> None:
    """Raise a ModelError where int8 lost more than `MAX_LOSS`."""
    samples = read_samples(filter(is_validation, training), teacher=None)
    validation = ValidationSet(samples, network.input_shape[1:3])
    found = [evaluate.to_detections(detector.find_candidates(image)) for image in validation.images]
    before = validation.average_precision(network)
    after = ap.precision_recall(found, validation.truth).average_precision
    if before - after > MAX_LOSS:
        raise ModelError(
            f"{detector.card.name}: expected to lose at most {MAX_LOSS * 100:.0f} point of average "
            f"precision on {len(samples)} watched photographs, found {after:.2%} against "
            f"{before:.2%} in float32; --force takes it all the same"
        )


def threshold_for_fpr(scores: Sequence[float], max_fpr: float) -> float:
    """Return the least confidence, to two digits, that lets few enough of the false faces pass."""
    highest = sorted(scores, reverse=True)[int(max_fpr * len(scores))]
    return min(max(LOWEST_THRESHOLD, math.floor(100 * highest + 1) / 100), HIGHEST_THRESHOLD)


def _training_data_text(summary: DataSummary) -> str:
    text = (
        f"{summary.photographs:,} photographs with {summary.faces:,} faces or none "
        f"({', '.join(summary.sources)}), drawn anew at many scales, and drawn backgrounds. "
    )
    if summary.portraits:
        text += f"{summary.portraits:,} faces cut close were laid into others. "
    return text + f"{summary.watched:,} more photographs were watched, and chose what was kept."


def quantize_refiner(
    network: Model, find: Finder, images: Images, path: Path, force: bool
) -> RefinerCard:
    """Write an int8 .tflite that refines what `find` does, with a card; ModelError if it exists."""
    training = of_split(images, "train")
    learned = [one for one in training if not is_validation(one)]
    watched = [one for one in training if is_validation(one)]
    chosen = np.random.default_rng(0).permutation(len(learned))[:REFINER_EXAMPLES]
    with tflite.new_model(path, force) as inside:
        shown = _candidates(find, [learned[row] for row in chosen.tolist()])
        examples = [cut(image, box.square(CONTEXT), REFINER_SIDE) for image, box, *_ in shown]
        card = RefinerCard(
            **write_int8(network, np.stack(examples), inside),
            input=DetectorInput((REFINER_SIDE, REFINER_SIDE, 3), "int8", "bgr"),
            weights=(0.0, 1.0, 0.0),
            training_data="Faces of the photographs of the detector, and its errors in these.",
            measured=(),
            limits=REFINER_LIMITS,
        )
        tflite.write_card(inside, card)
        look, found = Refiner(inside).look, _candidates(find, watched)
        looks = [(logit(score), look(image, box)[0], face) for image, box, score, face in found]
        rows = np.array(looks, np.float64).reshape(-1, 3)
        weights = fit_logistic(rows[:, :2], rows[:, 2])
        looked_at = rows[rows[:, 0] >= logit(CANDIDATE)]
        measured = tuple(_measured_text(looked_at, weights))
        return change_card(inside, card, weights=weights, measured=measured)


def _candidates(find: Finder, images: Images) -> Iterator[tuple[Image, Box, float, bool]]:
    """Yield fitted image, box, confidence and truth of finds that have a clear one."""
    for one in images:
        image, truth = evaluate.fit(one.read(), REFERENCE_SIZE), evaluate.reference_truth(one)
        for face in find(image):
            owner = match(np.array(face.box, np.float64), truth.boxes, truth.ignored)
            if owner != UNCLEAR:
                yield image, face.box, face.confidence, owner != NO_FACE


def fit_logistic(logits: NDArray[np.float64], truth: NDArray[np.float64]) -> Weights:
    """Return weights of two logits, (n, 2), and an offset, whose sum is the logit of the truth."""
    if len(np.unique(truth)) < 2:
        raise DataError(
            "expected faces and errors of the detector in watched photographs, to fit how far each "
            f"network is believed, found {len(truth)} finds of one kind"
        )
    fitted = LogisticRegression(C=1 / RIDGE, solver="newton-cholesky").fit(logits, truth)
    first, second, offset = np.round([*fitted.coef_[0], *fitted.intercept_], 3).tolist()
    return first, second, offset


def _measured_text(rows: NDArray[np.float64], weights: Weights) -> Iterator[str]:
    """Yield in words how many errors of the detector pass where 95 % of the faces do."""
    faces = rows[:, 2] > 0
    yield f"watched photographs: {faces.sum():,} faces, {(~faces).sum():,} errors of the detector"
    both = np.column_stack([rows[:, :2], np.ones(len(rows))]) @ weights
    for name, values in (("the detector", rows[:, 0]), ("both", both)):
        passed = (values[~faces] >= np.quantile(values[faces], 0.05)).mean()
        yield f"where 95 % of the faces pass by {name}, {passed:.1%} of the errors do"
