"""A trained detector made into int8 .tflite files with cards, each verified first."""

import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.detection.detector_card import accuracies, describe
from converter.detection.detector_report import report
from converter.detection.detector_variants import DetectorVariant
from converter.detection.judging import judge
from converter.detection.lessons import read_lessons
from converter.detection.photographs import Photograph, Split, of_split
from converter.detection.trained import Trained
from converter.detection.watching import Answer, Watched, ask, is_watched
from converter.evaluate.crop_calibration import fit_crop
from converter.networks.detector import OUTPUTS, Model, copy_weights, detector
from converter.quantize.tflite import Precision, move, refuse_existing, to_tflite, write_card
from edge.detect import BuiltinSettings, Detector, open_detector
from edge.errors import DataError, ModelError
from edge.model_card import DetectorCard, load_detector_card
from edge.tflite import Runtime, TFLiteModel

MAX_LOSS = 0.01
"""Average precision that int8 may lose against float32 on the watched photographs."""

EXAMPLES = 200
"""Photographs that show the quantiser the range of every activation."""

CALM = 0.005
"""Share of the photographs without faces in which the default confidence may let one pass."""

KEPT_CALM = 0.05
"""The same of the confidence that counts where a face is known already."""

LEAST_CALM, MOST_CALM = 0.3, 0.99
"""The default confidence lies between them, however calm a network is."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a conversion is made with and judged by.

    Attributes:
        photographs: of both splits: training ones show the ranges and are watched, test ones are
            what the card's figures are of.
        faces: cut close, uint8 (n, side, side), to fit the crops.
        seed: of what is drawn.
        refiner: the .tflite that looks again at what the detector finds.
    """

    photographs: Sequence[Photograph]
    faces: NDArray[np.uint8]
    seed: int = 0
    refiner: Path | None = None


def quantize_detector(
    trained: Trained, size: tuple[int, int], evidence: Evidence, path: Path, force: bool = False
) -> DetectorCard:
    """Write an int8 .tflite for pictures of one size, with its card; return the card.

    Args:
        trained: the network; its weights serve every size.
        size: width and height in pixels.
        evidence: photographs and faces.
        path: of the .tflite; its folder exists.
        force: write over existing files, and what verification would refuse.

    Raises:
        DataError: there are no photographs to convert, verify, calm or measure it by.
        ModelError: a file is there already, or int8 lost too much; nothing was written.
    """
    if not force:
        refuse_existing(path)
    _check(evidence.photographs)
    network = _of_size(trained, size)
    # A folder of its own: a conversion that fails half-way leaves nothing behind.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".quantize-") as scratch:
        inside = Path(scratch) / path.name
        training = of_split(evidence.photographs, Split.TRAIN)
        inside.write_bytes(_int8(network, training, evidence.seed))
        write_card(inside, describe(inside, network, trained))
        problem = _loss(inside, network, training)
        if problem and not force:
            raise ModelError(f"{problem}; --force takes it all the same")
        card = _fitted(inside, training, evidence)
        card = _measured(inside, card, evidence)
        move(inside, path)
    return card


def _check(photographs: Sequence[Photograph]) -> None:
    """Without any of these a card would say what nobody measured."""
    training, test = (of_split(photographs, split) for split in (Split.TRAIN, Split.TEST))
    needed = {
        "training photographs without faces": [one for one in training if not len(one.boxes)],
        "watched training photographs with faces": [
            one for one in training if is_watched(one) and not one.ignored.all()
        ],
        "test photographs with faces": [one for one in test if not one.ignored.all()],
    }
    for name, found in needed.items():
        if not found:
            raise DataError(f"expected {name}, found none among {len(photographs)} photographs")


def _of_size(trained: Trained, size: tuple[int, int]) -> Model:
    """Return the network for pictures of that size."""
    width, height = size
    network = detector(height, width, trained.recipe.channels)
    copy_weights(trained.network, network)
    return network


def _int8(network: Model, training: Sequence[Photograph], seed: int) -> bytes:
    """Return the .tflite of the network, its ranges those of some training photographs."""
    chosen = np.random.default_rng(seed).permutation(len(training))[:EXAMPLES]
    lessons = read_lessons((training[number] for number in chosen.tolist()), teacher=None)
    examples = Watched(lessons, network.input_shape[1:]).pictures
    return to_tflite(without_rescaling(network), Precision.INT8, examples, input_type="int8")


def without_rescaling(network: Model) -> Model:
    """Return the same function, its scale made part of the first kernel: a pass less."""

    def plain(layer: Any) -> Any:
        if isinstance(layer, keras.layers.Rescaling):
            return keras.layers.Identity(name=layer.name)
        return type(layer).from_config(layer.get_config())

    scale = next(
        layer.scale for layer in network.layers if isinstance(layer, keras.layers.Rescaling)
    )
    bare = keras.models.clone_model(network, clone_function=plain)
    copy_weights(network, bare)
    first = next(layer for layer in bare.layers if isinstance(layer, keras.layers.Conv2D))
    first.set_weights([first.get_weights()[0] * scale])
    return bare


def _loss(path: Path, network: Model, training: Sequence[Photograph]) -> str:
    """Return, in words, what int8 lost beyond `MAX_LOSS`; nothing where all is well."""
    lessons = read_lessons(filter(is_watched, training), teacher=None)
    watched = Watched(lessons, network.input_shape[1:])
    before = watched.average_precision(ask(network, watched.pictures))
    after = watched.average_precision(_ask_int8(path, watched.pictures))
    if before - after <= MAX_LOSS:
        return ""
    return (
        f"{path.name}: expected to lose at most {MAX_LOSS * 100:.0f} point of average precision on "
        f"{len(lessons)} watched photographs, found {after:.2%} against {before:.2%} in float32"
    )


def _ask_int8(path: Path, pictures: NDArray[np.uint8]) -> Answer:
    """Return what the .tflite answers to the same pictures, as `ask` returns it."""
    network = TFLiteModel(path, Runtime.LITERT)
    names = {numbers: name for name, numbers in OUTPUTS.items()}
    rows = [network.invoke((picture ^ 128).view(np.int8)[None]) for picture in pictures]
    return {
        names[form.shape[2]]: np.concatenate([row[place] for row in rows])
        for place, form in enumerate(network.outputs)
    }


def _fitted(path: Path, training: Sequence[Photograph], evidence: Evidence) -> DetectorCard:
    """Return the card with its default confidence and crop fit, and write it."""
    card = load_detector_card(path)
    surest = _false_faces(_open(path, evidence), training)
    card = msgspec.structs.replace(
        card,
        min_confidence=calm_confidence(surest, CALM),
        keep_confidence=calm_confidence(surest, KEPT_CALM),
    )
    write_card(path, card)
    fit = fit_crop(_open(path, evidence), evidence.faces, evidence.seed).fit
    card = msgspec.structs.replace(card, crop_fit=fit)
    write_card(path, card)
    return card


def _false_faces(detector: Detector, training: Sequence[Photograph]) -> list[float]:
    """Return the confidence of the surest false face in each photograph without any, 0 if none."""
    empty = (one.read() for one in training if not len(one.boxes))
    found = (detector.detect(image) for image in empty)
    return [max((face.confidence for face in faces), default=0.0) for faces in found]


def calm_confidence(surest: Sequence[float], share: float) -> float:
    """Return the least confidence, to two digits, that lets few enough photographs pass.

    Args:
        surest: the confidence of the surest false face in each photograph without any.
        share: of the photographs that may pass.
    """
    allowed = int(share * len(surest))
    highest = sorted(surest, reverse=True)[allowed]
    return min(max(LEAST_CALM, math.floor(100 * highest + 1) / 100), MOST_CALM)


def _measured(path: Path, card: DetectorCard, evidence: Evidence) -> DetectorCard:
    """Return the card with its figures, and write it."""
    test = of_split(evidence.photographs, Split.TEST)
    height, width, _ = card.input.shape
    settings = BuiltinSettings(model=path, refiner=evidence.refiner)
    variant = DetectorVariant(card.name, settings)
    performances = judge([variant], test, (width, height))
    judged = report("test split", performances, test, (width, height))
    card = msgspec.structs.replace(card, measured=tuple(accuracies(judged)))
    write_card(path, card)
    return card


def _open(path: Path, evidence: Evidence) -> Detector:
    return open_detector(BuiltinSettings(model=path, refiner=evidence.refiner))
