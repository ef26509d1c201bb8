"""The report of detectors judged on photographs: every figure, in one record."""

import math
from collections.abc import Sequence
from itertools import compress

import msgspec
import numpy as np

from converter.detector.average_precision import (
    BANDS,
    IOU,
    Curve,
    Detections,
    Matches,
    match,
    trace,
)
from converter.detector.evaluate import MEASURE, Performance, Size, measured_truth
from converter.detector.photographs import Photograph

FALSE_A_PICTURE = 0.01
"""False faces a picture that recall is given for."""

IOUS = (IOU, 0.5)
"""Overlaps that make a hit."""

APART = {"cmu_mit": 0.3}
"""Sources that draw faces tighter than others, brow to mouth, and the overlap that makes a hit
there. They are judged by themselves: a detector with boxes like those of the others misses the
usual overlap on faces that it has found."""

RECALLS = np.linspace(0, 1, 101)
"""Where the curves of the report are read off."""

Share = float | None
"""0 to 1; None where there is nothing to take it of."""


class Accuracy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How well faces were found where some overlap makes a hit.

    Attributes:
        iou: the overlap.
        average_precision: of the faces of 16 pixels and more.
        by_height: average precision of the faces of each band of heights.
        recall: share of the faces of 16 pixels and more that is found at one false face per
            hundred pictures.
    """

    iou: float
    average_precision: Share
    by_height: dict[str, Share]
    recall: Share


class SetFigures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How well the faces of some photographs were found.

    Attributes:
        pictures: how many, those without faces among them.
        faces: how many, of 16 pixels and more.
        found: share of them that is found at the detector's own threshold and the usual overlap.
        right: share of what is found there that is a face.
        accuracy: for each overlap, the first being the usual one.
    """

    pictures: int
    faces: int
    found: Share
    right: Share
    accuracy: tuple[Accuracy, ...]


class DetectorFigures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything measured of one detector.

    Attributes:
        name: with its settings that are not the default.
        overall: on all photographs but for those of sources that are judged apart.
        sources: on the photographs of each source that has faces; parts of one set are one.
        precision: overall, at the usual overlap: the best at a recall of 0, 0.01, ... 1 or beyond,
            0 where so many are never found; empty where there are no faces.
        false_faces: found at its own threshold in the pictures without faces.
        thread_ms, wall_ms: median milliseconds a picture on one thread, by its processor time and
            by the clock.
    """

    name: str
    overall: SetFigures
    sources: dict[str, SetFigures]
    precision: tuple[float, ...]
    false_faces: int
    thread_ms: float
    wall_ms: float


class DetectorReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Detectors judged on the same photographs.

    Attributes:
        data: what the photographs are called.
        searched: width and height that each picture was fitted into to be searched.
        measured: width and height that faces are measured in.
        empty_pictures: how many photographs have no face.
        detectors: each one's figures, in the order they were asked for.
    """

    data: str
    searched: Size
    measured: Size
    empty_pictures: int
    detectors: tuple[DetectorFigures, ...]


def report(
    data: str,
    performances: Sequence[Performance],
    photographs: Sequence[Photograph],
    searched: Size,
) -> DetectorReport:
    """Return the figures of what `judge` saw on `photographs`."""
    return DetectorReport(
        data=data,
        searched=searched,
        measured=MEASURE,
        empty_pictures=sum(_is_empty(one) for one in photographs),
        detectors=tuple(_detector(one, photographs) for one in performances),
    )


def _is_empty(photograph: Photograph) -> bool:
    return len(photograph.boxes) == 0


def _set_of(photograph: Photograph) -> str:
    """Return the source; what names itself the training or validation part of one is that one."""
    return photograph.source.removesuffix("_train").removesuffix("_val")


def _detector(performance: Performance, photographs: Sequence[Photograph]) -> DetectorFigures:
    together = [one.source not in APART for one in photographs]
    usual = zip(performance.usual, photographs, strict=True)
    return DetectorFigures(
        name=performance.name,
        overall=_figures(performance, photographs, together, IOUS),
        sources=_by_source(performance, photographs),
        precision=_precision(trace(_match(performance.found, photographs, together, IOU))),
        false_faces=sum(len(found.scores) for found, one in usual if _is_empty(one)),
        thread_ms=round(performance.thread_ms, 3),
        wall_ms=round(performance.wall_ms, 3),
    )


def _by_source(
    performance: Performance, photographs: Sequence[Photograph]
) -> dict[str, SetFigures]:
    sets = dict.fromkeys(_set_of(one) for one in photographs if not _is_empty(one))
    figures = {}
    for name in sets:
        chosen = [_set_of(one) == name for one in photographs]
        ious = (APART[name],) if name in APART else IOUS
        figures[name] = _figures(performance, photographs, chosen, ious)
    return figures


def _figures(
    performance: Performance,
    photographs: Sequence[Photograph],
    chosen: Sequence[bool],
    ious: Sequence[float],
) -> SetFigures:
    matches = [_match(performance.found, photographs, chosen, iou) for iou in ious]
    usual = trace(_match(performance.usual, photographs, chosen, ious[0]))
    return SetFigures(
        pictures=matches[0].pictures,
        faces=usual.faces,
        found=_share(usual.recall[-1] if len(usual.hits) else 0.0 if usual.faces else math.nan),
        right=_share(usual.precision[-1] if len(usual.hits) else math.nan),
        accuracy=tuple(_accuracy(*one) for one in zip(ious, matches, strict=True)),
    )


def _match(
    found: Sequence[Detections],
    photographs: Sequence[Photograph],
    chosen: Sequence[bool],
    iou: float,
) -> Matches:
    truth = [measured_truth(one) for one in compress(photographs, chosen)]
    return match(list(compress(found, chosen)), truth, iou)


def _accuracy(iou: float, matches: Matches) -> Accuracy:
    curve = trace(matches)
    return Accuracy(
        iou=iou,
        average_precision=_share(curve.average_precision),
        by_height={str(band): _share(trace(matches, band).average_precision) for band in BANDS},
        recall=_share(curve.recall_at(FALSE_A_PICTURE)),
    )


def _precision(curve: Curve) -> tuple[float, ...]:
    """Return the envelope at `RECALLS`; nothing where there are no faces."""
    if not curve.faces:
        return ()
    places = np.searchsorted(curve.recall, RECALLS)
    values = np.append(curve.envelope, 0.0)[places]
    return tuple(round(value, 4) for value in values.tolist())


def _share(value: float) -> Share:
    return None if math.isnan(value) else round(float(value), 4)
