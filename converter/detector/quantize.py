"""Quantization of a trained detector to int8 .tflite files with cards, each verified first."""

import math
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import keras
import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.detector.annotations import AnnotatedImage, Size, Split, of_split
from converter.detector.average_precision import MIN_SCORE
from converter.detector.evaluate import DetectorVariant, build_report, evaluate_detectors
from converter.detector.loss import STRIDES
from converter.detector.samples import DataSummary, ValidationSet, is_validation, read_samples
from converter.detector.train import DetectorRun
from converter.evaluate.crop_calibration import fit_crop
from converter.models.detector import OUTPUTS, Model, copy_weights, detector
from converter.quantize import tflite
from edge.detect import open_detector
from edge.detect.builtin import BuiltinSettings
from edge.errors import DataError, ModelError
from edge.geometry import CropCalibration
from edge.model_card import DetectorCard, DetectorInput, RefinerCard
from edge.tflite import Runtime, TFLiteModel

MAX_LOSS = 0.01  # average precision that int8 may lose against float32 on the validation images
EXAMPLES = 200  # images that show the quantizer the range of every activation

MAX_FPR = 0.02  # share of the images without faces in which the default confidence finds one
KEPT_MAX_FPR = 0.05  # the same of the confidence that counts where a face is known already
LOWEST_THRESHOLD, HIGHEST_THRESHOLD = 0.3, 0.99  # of the default confidence
CANDIDATE = 0.25  # confidence from which a second look is taken, at some two or three places
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

Card = TypeVar("Card", DetectorCard, RefinerCard)
Images = Sequence[AnnotatedImage]


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
    network = detector(size[1], size[0], run.recipe.channels)
    copy_weights(run.network, network)
    training, test = (of_split(images, split) for split in (Split.TRAIN, Split.TEST))
    with tflite.new_model(path, force) as inside:
        chosen = np.random.default_rng(0).permutation(len(training))[:EXAMPLES].tolist()
        shown = read_samples((training[number] for number in chosen), teacher=None)
        examples = ValidationSet(shown, network.input_shape[1:]).images
        common = write_int8(network, examples, inside)
        problem = _accuracy_regression(inside, network, training)
        if problem and not force:
            raise ModelError(f"{problem}; --force takes it all the same")
        card = DetectorCard(
            **common,
            input=DetectorInput(network.input_shape[1:], "int8", run.recipe.color),
            strides=STRIDES,
            candidate_confidence=CANDIDATE,
            min_confidence=MIN_SCORE,
            keep_confidence=MIN_SCORE,
            crop_fit=CropCalibration(1.0, 0.0, 0.0),
            smallest_face=run.recipe.scenes.smallest,
            largest_face=size[1],
            training_data=_training_data_text(run.summary),
            measured=(),
            limits=LIMITS,
        )
        tflite.write_card(inside, card)
        settings = BuiltinSettings(model=inside, refiner=refiner)
        detect = open_detector(settings).detect
        # The surest false face of each image without any; 0 if none.
        found = [detect(one.read()) for one in training if not len(one.boxes)]
        scores = [max((face.confidence for face in faces), default=0.0) for faces in found]
        sure, kept = (threshold_for_fpr(scores, share) for share in (MAX_FPR, KEPT_MAX_FPR))
        card = change_card(inside, card, min_confidence=sure, keep_confidence=kept)
        fitted = fit_crop(open_detector(settings), faces, seed=0).fit
        card = change_card(inside, card, crop_fit=fitted)
        results = evaluate_detectors([DetectorVariant(card.name, settings)], test, size)
        (figures,) = build_report("test split", results, test, size).detectors
        apart = [figures.sources[WIDER]] if WIDER in figures.sources else []
        return change_card(inside, card, measured=(figures.overall, *apart))


def _check(images: Images) -> None:
    """Without any of these a card would say what nobody measured."""
    training, test = (of_split(images, split) for split in (Split.TRAIN, Split.TEST))
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


def _accuracy_regression(path: Path, network: Model, training: Images) -> str:
    """Return, in words, what int8 lost beyond `MAX_LOSS`; nothing where all is well."""
    samples = read_samples(filter(is_validation, training), teacher=None)
    validation = ValidationSet(samples, network.input_shape[1:])
    model = TFLiteModel(path, Runtime.LITERT)
    names = {numbers: name for name, numbers in OUTPUTS.items()}

    def predict(images: NDArray[np.uint8], **_: Any) -> dict[str, NDArray[np.float32]]:
        rows = [model.invoke((image ^ 128).view(np.int8)[None]) for image in images]
        outputs = map(np.concatenate, zip(*rows, strict=True))
        forms = zip(model.outputs, outputs, strict=True)
        return {names[form.shape[2]]: values for form, values in forms}

    int8 = SimpleNamespace(predict=predict)  # answers as the Keras network that it was made of
    before, after = map(validation.average_precision, (network, int8))
    if before - after <= MAX_LOSS:
        return ""
    return (
        f"{path.name}: expected to lose at most {MAX_LOSS * 100:.0f} point of average precision on "
        f"{len(samples)} watched photographs, found {after:.2%} against {before:.2%} in float32"
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
