"""Quantization of a trained detector to int8 .tflite files with cards, each verified first."""

import math
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
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
from edge.detect import BuiltinSettings, CropCalibration, open_detector
from edge.errors import DataError, ModelError
from edge.model_card import DetectorCard, DetectorInput, RefinerCard
from edge.paths import sha256
from edge.tflite import Runtime, TFLiteModel

MAX_LOSS = 0.01  # average precision that int8 may lose against float32 on the validation images
EXAMPLES = 200  # images that show the quantizer the range of every activation

MAX_FPR = 0.02
"""Share of the images without faces in which the default confidence may let one pass: mostly heads
of animals, a fifth of them; in streets and rooms false faces are rare (none in 70, 2026-11-29)."""

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


def quantize_detector(
    run: DetectorRun,
    size: Size,
    images: Sequence[AnnotatedImage],
    faces: NDArray[np.uint8],
    path: Path,
    *,
    refiner: Path | None = None,
    force: bool = False,
) -> DetectorCard:
    """Write an int8 .tflite for images of one size, with its card; return the card.

    Training images show the ranges and verify, the card's figures are of test images. The crops are
    fitted to faces cut close, uint8 (n, side, side). The .tflite of a refiner looks again at what
    is found, None is the shipped one. Force writes over files, and what would be refused.

    Raises:
        DataError: there are no images to convert, verify, or measure it by.
        ModelError: a file is there already, or int8 lost too much; nothing was written.
    """
    _check(images)
    network = detector(size[1], size[0], run.recipe.channels)
    copy_weights(run.network, network)
    training, test = (of_split(images, split) for split in (Split.TRAIN, Split.TEST))
    with new_model(path, force) as inside:
        common = write_int8(network, _examples(training, network), inside)
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
        scores = _false_face_scores(settings, training)
        sure, kept = (threshold_for_fpr(scores, share) for share in (MAX_FPR, KEPT_MAX_FPR))
        card = change_card(inside, card, min_confidence=sure, keep_confidence=kept)
        fitted = fit_crop(open_detector(settings), faces, seed=0).fit
        card = change_card(inside, card, crop_fit=fitted)
        results = evaluate_detectors([DetectorVariant(card.name, settings)], test, size)
        (figures,) = build_report("test split", results, test, size).detectors
        apart = [figures.sources[WIDER]] if WIDER in figures.sources else []
        return change_card(inside, card, measured=(figures.overall, *apart))


def _check(images: Sequence[AnnotatedImage]) -> None:
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


def _examples(training: Sequence[AnnotatedImage], network: Model) -> NDArray[np.uint8]:
    """Return some training images as the network takes them."""
    chosen = np.random.default_rng(0).permutation(len(training))[:EXAMPLES]
    samples = read_samples((training[number] for number in chosen.tolist()), teacher=None)
    return ValidationSet(samples, network.input_shape[1:]).images


@contextmanager
def new_model(path: Path, force: bool) -> Iterator[Path]:
    """Yield where to build a .tflite and its card, which are moved to `path` in the end."""
    if not force:
        tflite.refuse_existing(path)
    # A folder of its own: a conversion that fails half-way leaves nothing behind.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".quantize-") as scratch:
        inside = Path(scratch) / path.name
        yield inside
        tflite.move(inside, path)


def write_int8(network: Model, examples: NDArray[np.uint8], path: Path) -> dict[str, Any]:
    """Write the int8 .tflite of a network; return the fields that the card of any such has."""
    bare = _without_rescaling(network)
    path.write_bytes(tflite.to_tflite(bare, tflite.Precision.INT8, examples, input_type="int8"))
    return {
        "name": path.stem,
        "sha256": sha256(path),
        "size": path.stat().st_size,
        "parameters": int(network.count_params()),
        "multiply_adds": tflite.multiply_adds(network),
        "speed": tflite.measure_speed([path])[0],
        "licence": LICENCE,
    }


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


def _accuracy_regression(path: Path, network: Model, training: Sequence[AnnotatedImage]) -> str:
    """Return, in words, what int8 lost beyond `MAX_LOSS`; nothing where all is well."""
    samples = read_samples(filter(is_validation, training), teacher=None)
    validation = ValidationSet(samples, network.input_shape[1:])
    before, after = map(validation.average_precision, (network, _Int8(path)))
    if before - after <= MAX_LOSS:
        return ""
    return (
        f"{path.name}: expected to lose at most {MAX_LOSS * 100:.0f} point of average precision on "
        f"{len(samples)} watched photographs, found {after:.2%} against {before:.2%} in float32"
    )


class _Int8:
    """A .tflite that answers as the Keras network does that it was made of."""

    def __init__(self, path: Path) -> None:
        self._model = TFLiteModel(path, Runtime.LITERT)

    def predict(self, images: NDArray[np.uint8], **_: Any) -> dict[str, NDArray[np.float32]]:
        """Return the outputs by name, of images (n, height, width, channels)."""
        names = {numbers: name for name, numbers in OUTPUTS.items()}
        rows = [self._model.invoke((image ^ 128).view(np.int8)[None]) for image in images]
        return {
            names[form.shape[2]]: np.concatenate([row[place] for row in rows])
            for place, form in enumerate(self._model.outputs)
        }


def _false_face_scores(
    settings: BuiltinSettings, training: Sequence[AnnotatedImage]
) -> list[float]:
    """Return the confidence of the surest false face in each image without any, 0 if none."""
    detector = open_detector(settings)
    found = (detector.detect(one.read()) for one in training if not len(one.boxes))
    return [max((face.confidence for face in faces), default=0.0) for faces in found]


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
