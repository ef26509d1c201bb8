"""A trained detector made into int8 .tflite files with cards, each verified first."""

import math
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.crop_fit import fit_crop
from converter.detection.average_precision import LEAST
from converter.detection.cells import STRIDES
from converter.detection.detector_report import DetectorReport, SetFigures, report
from converter.detection.judging import MEASURE, judge
from converter.detection.lessons import read_lessons
from converter.detection.photographs import Photograph, Split, of_split
from converter.detection.training import SUMMARY, Summary
from converter.detection.watching import Answer, Watched, ask, is_watched
from converter.networks.detector import OUTPUTS, Model, copy_weights, detector
from converter.quantization.latency import measure_speed
from converter.quantization.tflite import Precision, multiply_adds, to_tflite
from converter.recipes.detector import DetectorRecipe
from converter.training.folder import CHECKPOINT, MODEL, RECIPE, read_recipe
from edge.bench.seeing.contender import Contender
from edge.card import card_path
from edge.config import Config
from edge.detect import CropFit, Detector, EmotiondSettings, open_detector
from edge.detect.card import (
    DetectionAccuracy,
    DetectorCard,
    DetectorInput,
    load_detector_card,
)
from edge.errors import DataError, ModelError
from edge.files import sha256
from edge.runtime import Network, Runtime

MAX_LOSS = 0.01
"""Average precision that int8 may lose against float32 on the watched photographs."""

EXAMPLES = 200
"""Photographs that show the quantiser the range of every activation."""

CALM = 0.01
"""Share of the photographs without faces in which the default confidence may let one pass."""

LEAST_CALM, MOST_CALM = 0.3, 0.99
"""The default confidence lies between them, however calm a network is."""

WIDER = "widerface"
"""The source that is judged by itself too: its boxes are the best."""

LICENCE = (
    "Weights: for research use. They were learnt from photographs that belong to their owners and "
    "are not part of this project."
)
LIMITS = (
    "It finds upright faces that look at the camera or somewhat beside it, masked ones too; the "
    "more a head is tilted or turned, the fewer. Ages, skins and cultures are not evenly "
    "represented in what it learnt from. It tells where a face is, not whose."
)


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained detector.

    Attributes:
        network: of the recipe's size.
        recipe: what it was trained by.
        summary: what it learnt from.
    """

    network: Model
    recipe: DetectorRecipe
    summary: Summary


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a conversion is made with and judged by.

    Attributes:
        photographs: of both splits: training ones show the ranges and are watched, test ones are
            what the card's figures are of.
        faces: cut close, uint8 (n, side, side), to fit the crops.
        seed: of what is drawn.
    """

    photographs: Sequence[Photograph]
    faces: NDArray[np.uint8]
    seed: int = 0


def open_training(directory: Path) -> Trained:
    """Read what `emotiond-convert train-detector` left in `directory`.

    Raises:
        ModelError: a file is missing or unreadable, or the training is not finished.
    """
    if (directory / CHECKPOINT).exists():
        raise ModelError(f"{directory}: its training is not finished; run train-detector again")
    try:
        recipe = read_recipe(directory, DetectorRecipe)
        summary = msgspec.json.decode((directory / SUMMARY).read_bytes(), type=Summary)
        network = keras.saving.load_model(directory / MODEL, compile=False)
        return Trained(network, recipe, summary)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelError(
            f"{directory}: holds no training of a detector ({error}); expected {MODEL}, {SUMMARY} "
            f"and {RECIPE}, as emotiond-convert train-detector writes them"
        ) from error


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
    for file in (path, card_path(path)):
        if file.exists() and not force:
            raise ModelError(f"{file}: is there already; choose another --name, or --force")
    _check(evidence.photographs)
    network = _of_size(trained, size)
    # A folder of its own: a conversion that fails half-way leaves nothing behind.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".quantize-") as scratch:
        inside = Path(scratch) / path.name
        training = of_split(evidence.photographs, Split.TRAIN)
        inside.write_bytes(_int8(network, training, evidence.seed))
        _write_card(inside, _described(inside, network, trained))
        problem = _loss(inside, network, training)
        if problem and not force:
            raise ModelError(f"{problem}; --force takes it all the same")
        card = _fitted(inside, training, evidence)
        card = _measured(inside, card, of_split(evidence.photographs, Split.TEST))
        for file in (inside, card_path(inside)):
            file.replace(path.with_name(file.name))
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
    return to_tflite(_without_rescaling(network), Precision.INT8, examples, entry="int8")


def _without_rescaling(network: Model) -> Model:
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


def _described(path: Path, network: Model, trained: Trained) -> DetectorCard:
    """Return the card of the .tflite at `path`; what is fitted and measured is still to come."""
    height, width, channels = network.input_shape[1:]
    return DetectorCard(
        name=path.stem,
        input=DetectorInput((height, width, channels), "int8", trained.recipe.color),
        strides=STRIDES,
        min_confidence=LEAST,
        crop_fit=CropFit(1.0, 0.0, 0.0),
        smallest_face=trained.recipe.scenes.smallest,
        largest_face=height,
        sha256=sha256(path),
        size=path.stat().st_size,
        parameters=int(network.count_params()),
        multiply_adds=multiply_adds(network),
        training_data=_told(trained.summary),
        measured=(),
        points=trained.summary.taught,
        speed=measure_speed([path])[0],
        licence=LICENCE,
        limits=LIMITS,
    )


def _told(summary: Summary) -> str:
    """Say in words what the network learnt from."""
    text = (
        f"{summary.photographs:,} photographs with {summary.faces:,} faces or none "
        f"({', '.join(summary.sources)}), drawn anew at many scales, and drawn backgrounds. "
    )
    if summary.portraits:
        text += f"{summary.portraits:,} faces cut close were laid into others. "
    if summary.taught:
        text += "A larger detector showed it where eyes, nose and mouth are. "
    return text + f"{summary.watched:,} more photographs were watched, and chose what was kept."


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
    network = Network(path, Runtime.LITERT)
    names = {numbers: name for name, numbers in OUTPUTS.items()}
    rows = [network.invoke((picture ^ 128).view(np.int8)[None]) for picture in pictures]
    return {
        names[form.shape[2]]: np.concatenate([row[place] for row in rows])
        for place, form in enumerate(network.outputs)
    }


def _fitted(path: Path, training: Sequence[Photograph], evidence: Evidence) -> DetectorCard:
    """Return the card with its default confidence and crop fit, and write it."""
    card = load_detector_card(path)
    confidence = calm_confidence(_false_faces(_open(path), training))
    card = msgspec.structs.replace(card, min_confidence=confidence)
    _write_card(path, card)
    fit = fit_crop(_open(path), evidence.faces, evidence.seed).fit
    card = msgspec.structs.replace(card, crop_fit=fit)
    _write_card(path, card)
    return card


def _false_faces(detector: Detector, training: Sequence[Photograph]) -> list[float]:
    """Return the confidence of the surest false face in each photograph without any, 0 if none."""
    empty = (one.read() for one in training if not len(one.boxes))
    found = (detector.detect(image) for image in empty)
    return [max((face.confidence for face in faces), default=0.0) for faces in found]


def calm_confidence(surest: Sequence[float]) -> float:
    """Return the least confidence, to two digits, that lets few enough photographs pass.

    Args:
        surest: the confidence of the surest false face in each photograph without any.
    """
    allowed = int(CALM * len(surest))
    highest = sorted(surest, reverse=True)[allowed]
    return min(max(LEAST_CALM, math.floor(100 * highest + 1) / 100), MOST_CALM)


def _measured(path: Path, card: DetectorCard, test: Sequence[Photograph]) -> DetectorCard:
    """Return the card with its figures, and write it."""
    height, width, _ = card.input.shape
    contender = Contender(card.name, Config(detector=EmotiondSettings(model=path)))
    performances = judge([contender], test, (width, height))
    judged = report("test split", performances, test, (width, height))
    card = msgspec.structs.replace(card, measured=tuple(_accuracies(judged)))
    _write_card(path, card)
    return card


def _accuracies(judged: DetectorReport) -> Iterator[DetectionAccuracy]:
    """Yield the figures of all photographs, and of WIDER FACE's, which are the best marked."""
    (figures,) = judged.detectors
    yield _accuracy("test split", figures.overall, judged.empty_pictures, figures.false_faces)
    if WIDER in figures.sources:
        yield _accuracy(f"test split, {WIDER} alone", figures.sources[WIDER], 0, 0)


def _accuracy(name: str, figures: SetFigures, faceless: int, false: int) -> DetectionAccuracy:
    usual = figures.accuracy[0]
    measured = {str(one.iou): one.average_precision for one in figures.accuracy}
    return DetectionAccuracy(
        data=f"{name}, faces of 16 pixels and more once fitted into {MEASURE[0]}x{MEASURE[1]}",
        pictures=figures.pictures - faceless,
        faces=figures.faces,
        average_precision=_known(measured),
        by_height=_known(usual.by_height),
        recall=usual.recall or 0.0,
        found=figures.found or 0.0,
        precision=figures.right or 0.0,
        faceless=faceless,
        false_faces=false,
    )


def _known(shares: dict[str, float | None]) -> dict[str, float]:
    """Leave out what there was nothing to measure by."""
    return {name: share for name, share in shares.items() if share is not None}


def _open(path: Path) -> Detector:
    return open_detector(EmotiondSettings(model=path))


def _write_card(path: Path, card: DetectorCard) -> None:
    text = msgspec.json.format(msgspec.json.encode(card), indent=2)
    card_path(path).write_bytes(text + b"\n")
