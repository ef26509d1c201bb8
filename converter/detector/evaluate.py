"""Evaluation of detectors on annotated images: finds, times, figures; calibration of crops."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, compress
from pathlib import Path
from statistics import median
from typing import NamedTuple

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.detector import average_precision as ap
from converter.detector.annotations import AnnotatedImage, Size
from edge.config import parse_detector
from edge.detect import AutoSettings, DetectorSettings, detector_kinds, open_detector
from edge.detect.detector import Detector
from edge.detect.haar import HaarSettings
from edge.errors import ConfigError, DataError, EmotiondError
from edge.geometry import Box, CropCalibration
from edge.model_card import DetectionAccuracy
from edge.types import Face, Image

REFERENCE_SIZE: Size = (320, 240)  # heights are those in an image fitted into this
FALSE_PER_IMAGE = 0.01  # false faces an image that recall is given for
IOUS = (ap.IOU, 0.5)  # overlaps that make a hit
TIGHT_SOURCES = {"cmu_mit": 0.3}  # sources of tight boxes, judged apart, and overlap of a hit

CANVAS: Size = (640, 480)  # width and height of what a face cut close is laid into
SIDES = (100, 240)  # range of the sizes, in pixels, at which it is laid there
NEAR = 0.3  # overlap (IoU) above which a detection is of the face that was laid out


class DetectorVariant(NamedTuple):
    """A detector with its settings; the name has its kind and what is not the default."""

    name: str
    settings: DetectorSettings


def parse_variant(text: str) -> DetectorVariant:
    """Return what one `--detector` asks for, a kind or a mapping in YAML; else a ConfigError."""
    settings = parse_detector(text)
    default = msgspec.structs.asdict(type(settings)())
    changed = [
        f"{key} {value.name if isinstance(value, Path) else value}"  # tables do not show folders
        for key, value in msgspec.structs.asdict(settings).items()
        if value != default[key]
    ]
    return DetectorVariant(", ".join([str(settings.__struct_config__.tag), *changed]), settings)


def available_variants(report: Callable[[str], object]) -> Iterator[DetectorVariant]:
    """Yield every detector that can be opened, with its default settings; report the others."""
    for kind in detector_kinds():
        variant = parse_variant(kind)
        try:
            open_detector(variant.settings)
        except EmotiondError as error:
            report(f"without {kind}: {error}\n")
        else:
            yield variant


def with_min_threshold(settings: DetectorSettings) -> DetectorSettings:
    """Return settings that find all that the detector can; a ConfigError where they are auto's."""
    if isinstance(settings, AutoSettings):
        raise ConfigError("auto stands for another detector; name the one to judge")
    if isinstance(settings, HaarSettings):
        # The lowest that still makes one face of several hits on it.
        return msgspec.structs.replace(settings, min_neighbors=1)
    return msgspec.structs.replace(settings, min_confidence=ap.MIN_SCORE)


class DetectorResults(NamedTuple):
    """Detections of one detector in each image, fitted into `REFERENCE_SIZE`."""

    name: str
    found: list[ap.Detections]  # at the lowest threshold
    usual: list[ap.Detections]  # at the one that was asked for
    times: list[tuple[float, float]]  # milliseconds of the thread and by the clock


def evaluate_detectors(
    variants: Sequence[DetectorVariant], images: Sequence[AnnotatedImage], size: Size
) -> list[DetectorResults]:
    """Run each detector on each image, fitted into `size`, in turns, to be disturbed alike."""
    if not images:
        raise DataError("expected photographs to judge detectors by, found none")
    settings = [(one.settings, with_min_threshold(one.settings)) for one in variants]
    detectors = [(open_detector(usual), open_detector(lowest)) for usual, lowest in settings]
    results = [DetectorResults(one.name, [], [], []) for one in variants]
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # as in the daemon
    try:
        first = fit(images[0].read(), size)
        for detector in chain.from_iterable(detectors):
            detector.detect(first)  # makes buffers that other calls reuse
        for annotated in images:
            image = fit(annotated.read(), size)
            for (usual, thorough), result in zip(detectors, results, strict=True):
                thread, wall = time.thread_time(), time.perf_counter()
                faces = usual.detect(image)
                times = time.thread_time() - thread, time.perf_counter() - wall
                result.times.append((1000 * times[0], 1000 * times[1]))
                result.usual.append(_detections(faces, image, annotated))
                result.found.append(_detections(thorough.detect(image), image, annotated))
    finally:
        cv2.setNumThreads(threads)
    return results


def reference_truth(image: AnnotatedImage) -> ap.Truth:
    """Return the faces of an image, fitted into `REFERENCE_SIZE`."""
    scale = _scale((image.width, image.height), REFERENCE_SIZE)
    return ap.Truth(image.boxes * scale, image.ignored)


def fit(image: Image, size: Size) -> Image:
    """Return an image as large as fits into `size`, its proportions kept."""
    height, width = image.shape[:2]
    scale = _scale((width, height), size)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    target = max(1, round(scale * width)), max(1, round(scale * height))
    return np.asarray(cv2.resize(image, target, interpolation=method), dtype=np.uint8)


def _scale(size: Size, room: Size) -> float:
    return min(room[0] / size[0], room[1] / size[1])


def _detections(faces: Sequence[Face], image: Image, annotated: AnnotatedImage) -> ap.Detections:
    """Return the faces found in `image`, as `reference_truth` has those that are there."""
    scale = _scale((annotated.width, annotated.height), REFERENCE_SIZE)
    across, down = annotated.width / image.shape[1], annotated.height / image.shape[0]
    found = to_detections(faces)
    return found._replace(boxes=found.boxes * (scale * np.array([across, down, across, down])))


def to_detections(faces: Sequence[Face]) -> ap.Detections:
    """Return the boxes and confidences of faces."""
    boxes = np.array([face.box.edges for face in faces]).reshape(-1, 4)
    return ap.Detections(boxes, np.array([face.confidence for face in faces]))


class DetectorFigures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All figures of one detector; the times are medians of an image on one thread."""

    name: str
    overall: DetectionAccuracy  # on all images but for those of `TIGHT_SOURCES`
    sources: dict[str, DetectionAccuracy]  # of each that has faces; parts of one set are one
    thread_ms: float  # CPU time
    wall_ms: float


class DetectorReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Detectors evaluated on the same images, `searched` and `measured` fitted into these sizes."""

    data: str
    searched: Size
    measured: Size
    detectors: tuple[DetectorFigures, ...]


def build_report(
    data: str, results: Sequence[DetectorResults], images: Sequence[AnnotatedImage], searched: Size
) -> DetectorReport:
    """Return the figures of what `evaluate_detectors` found in `images`."""
    # What names itself the training or validation part of a source is that source.
    names = [one.source.removesuffix("_train").removesuffix("_val") for one in images]
    together = [name not in TIGHT_SOURCES for name in names]
    with_faces = dict.fromkeys(compress(names, [len(one.boxes) > 0 for one in images]))
    figures = []
    for one in results:
        thread_ms, wall_ms = (round(median(times), 3) for times in zip(*one.times, strict=True))
        sources = {}
        for name in with_faces:
            ious = (TIGHT_SOURCES[name],) if name in TIGHT_SOURCES else IOUS
            chosen = [other == name for other in names]
            sources[name] = _accuracy(f"{data}, {name} alone", one, images, chosen, ious)
        overall = _accuracy(data, one, images, together, IOUS)
        figures.append(DetectorFigures(one.name, overall, sources, thread_ms, wall_ms))
    return DetectorReport(data, searched, REFERENCE_SIZE, tuple(figures))


def _accuracy(
    data: str,
    results: DetectorResults,
    images: Sequence[AnnotatedImage],
    chosen: Sequence[bool],
    ious: Sequence[float],
) -> DetectionAccuracy:
    """Return the figures of one detector on the chosen images; the first of `ious` is the usual."""
    truth = [reference_truth(one) for one in compress(images, chosen)]
    found = list(compress(results.found, chosen))
    usual = list(compress(results.usual, chosen))
    curves = {f"{iou:g}": ap.precision_recall(found, truth, iou) for iou in ious}
    curve, curve_of = curves[f"{ious[0]:g}"], partial(ap.precision_recall, iou=ious[0])
    by_height = {str(one): curve_of(found, truth, heights=one) for one in ap.HEIGHT_RANGES}
    at_threshold = curve_of(usual, truth)
    width, height = REFERENCE_SIZE
    faceless = [not len(one.boxes) for one in truth]
    return DetectionAccuracy(
        data=f"{data}, faces of {ap.ALL.low:g} pixels and more once fitted into {width}x{height}",
        pictures=len(truth) - sum(faceless),
        faces=curve.faces,
        average_precision=_precisions(curves),
        by_height=_precisions(by_height),
        recall=_share(curve.recall_at(FALSE_PER_IMAGE)),
        found=_share(at_threshold.recall_at(math.inf)),
        precision=_share(at_threshold.precision[-1:].sum()),
        faceless=sum(faceless),
        false_faces=sum(len(one.scores) for one in compress(usual, faceless)),
    )


def _precisions(curves: Mapping[str, ap.PrCurve]) -> dict[str, float]:
    return {name: _share(one.average_precision) for name, one in curves.items() if one.faces}


def _share(value: float) -> float:
    return round(float(np.nan_to_num(value)), 4)  # 0 where there is nothing to take one of


def summarize(report: DetectorReport) -> str:
    """Return a table of all detectors and one by source, each with what its columns mean."""
    ious, heights = [f"{iou:g}" for iou in IOUS], [str(one) for one in ap.HEIGHT_RANGES]
    columns = [*(f"AP {iou}" for iou in ious), *heights, "recall", "found", "right"]
    main = [["detector", *columns, "false", "ms thread", "ms wall"]]
    sources = report.detectors[0].sources
    by_source = [["detector", *(f"{name} ({one.faces})" for name, one in sources.items())]]
    for one in report.detectors:
        overall = one.overall
        shares = [
            *(overall.average_precision.get(iou) for iou in ious),
            *(overall.by_height.get(height) for height in heights),
            *(overall.recall, overall.found, overall.precision),
        ]
        times = f"{one.thread_ms:.2f}", f"{one.wall_ms:.2f}"
        main.append([one.name, *map(_digits, shares), str(overall.false_faces), *times])
        found = (source.average_precision.values() for source in one.sources.values())
        by_source.append([one.name, *(_digits(next(iter(shares), None)) for shares in found)])
    overall = report.detectors[0].overall
    searched, measured = ("x".join(map(str, size)) for size in (report.searched, report.measured))
    note = (
        f"{report.data}: {overall.pictures + overall.faceless} pictures ({overall.faceless} "
        f"without a face) and {overall.faces} faces of {ap.ALL.low:g} pixels and more in "
        f"{measured}, searched fitted into {searched}.\nAP by height and recall (at "
        f"{FALSE_PER_IMAGE:.0%} as many false faces as images) at IoU {ap.IOU:g}; found, right "
        "(share of what is found) and false: at the detector's own threshold."
    )
    apart = ", ".join(f"{name} apart at {iou:g}" for name, iou in TIGHT_SOURCES.items())
    source_note = f"AP by source (faces) at IoU {ap.IOU:g}; {apart}."
    return "\n\n".join([_aligned(main), note, _aligned(by_source), source_note])


def _digits(share: float | None) -> str:
    return "-" if share is None else f"{share:.3f}"


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])] for row in rows)
    return "\n".join("  ".join(line).rstrip() for line in lines)


def fit_crop(
    detector: Detector, faces: NDArray[np.uint8], seed: int
) -> tuple[CropCalibration, list[tuple[Box, Box]]]:
    """Fit boxes to the squares of `find_faces` by medians; DataError where no face is found.

    Returned are the fit and what it is of: the square of each face found, and its box.
    """
    pairs = [(square, face.box) for _, _, square, face in find_faces(detector, faces, seed)]
    if not pairs:
        raise DataError(f"the detector {detector.name} found none of {len(faces)} faces")
    squares, boxes = np.array(pairs).swapaxes(0, 1)
    shifts = (squares[:, :2] + squares[:, 2:] - boxes[:, :2] - boxes[:, 2:]) / 2
    fits = np.column_stack([squares[:, 3] - squares[:, 1], shifts]) / (boxes[:, 3:] - boxes[:, 1:2])
    return CropCalibration(*np.round(np.median(fits, axis=0), 3).tolist()), pairs


def find_faces(
    detector: Detector, faces: NDArray[np.uint8], seed: int
) -> Iterator[tuple[int, Image, Box, Face]]:
    """Lay faces, (n, 48, 48), into canvases by the seed; yield row, canvas, square and find."""
    rng = np.random.default_rng(seed)
    for row, pixels in enumerate(faces):
        image, square = lay_out(pixels, rng)
        best = max(detector.detect(image), key=lambda face: square.iou(face.box), default=None)
        if best is not None and square.iou(best.box) > NEAR:
            yield row, image, square, best


def lay_out(face: NDArray[np.uint8], rng: np.random.Generator) -> tuple[Image, Box]:
    """Lay one face into a canvas of its own blurred reflections; return canvas and its square."""
    side = int(rng.integers(*SIDES))
    left, top = (int(rng.integers(0, length - side)) for length in CANVAS)
    large = cv2.resize(face, (side, side), interpolation=cv2.INTER_CUBIC)
    margins = (top, CANVAS[1] - side - top, left, CANVAS[0] - side - left)
    canvas = cv2.blur(cv2.copyMakeBorder(large, *margins, cv2.BORDER_REFLECT_101), (41, 41))
    canvas[top : top + side, left : left + side] = large
    image = np.asarray(cv2.cvtColor(canvas, cv2.COLOR_GRAY2BGR), dtype=np.uint8)
    return image, Box(left, top, left + side, top + side)
