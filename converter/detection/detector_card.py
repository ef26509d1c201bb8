"""What the card of a detector says, and where it is from."""

from collections.abc import Iterator
from pathlib import Path

from converter.detection.average_precision import LEAST
from converter.detection.cells import STRIDES
from converter.detection.detector_report import DetectorReport, SetFigures
from converter.detection.judging import MEASURE
from converter.detection.trained import Summary, Trained
from converter.networks.detector import Model
from converter.quantize.tflite import measure_speed, multiply_adds
from edge.detect import CropCalibration
from edge.fileio import sha256
from edge.model_card import DetectionAccuracy, DetectorCard, DetectorInput

WIDER = "widerface"
"""The source that is judged by itself too: its boxes are the best."""

LICENCE = (
    "Weights: for research use. They were learnt from photographs that belong to their owners and "
    "are not part of this project."
)
CANDIDATE = 0.25
"""Confidence from which a second look is taken, at some two or three places of a picture."""

LIMITS = (
    "It finds upright faces that look at the camera or somewhat beside it, masked ones too; the "
    "more a head is tilted or turned, the fewer. Ages, skins and cultures are not evenly "
    "represented in what it learnt from. It tells where a face is, not whose."
)


def describe(path: Path, network: Model, trained: Trained) -> DetectorCard:
    """Return the card of the .tflite at `path`; what is fitted and measured is still to come."""
    height, width, channels = network.input_shape[1:]
    return DetectorCard(
        name=path.stem,
        input=DetectorInput((height, width, channels), "int8", trained.recipe.color),
        strides=STRIDES,
        candidate_confidence=CANDIDATE,
        min_confidence=LEAST,
        keep_confidence=LEAST,
        crop_fit=CropCalibration(1.0, 0.0, 0.0),
        smallest_face=trained.recipe.scenes.smallest,
        largest_face=height,
        sha256=sha256(path),
        size=path.stat().st_size,
        parameters=int(network.count_params()),
        multiply_adds=multiply_adds(network),
        training_data=_told(trained.summary),
        measured=(),
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
    return text + f"{summary.watched:,} more photographs were watched, and chose what was kept."


def accuracies(judged: DetectorReport) -> Iterator[DetectionAccuracy]:
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
