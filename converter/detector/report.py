"""The report of evaluated detectors: every figure in one record, as text, and as a plot."""

import math
from collections.abc import Sequence
from itertools import compress
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from converter.detector.annotations import AnnotatedImage
from converter.detector.average_precision import (
    ALL,
    HEIGHT_RANGES,
    IOU,
    Detections,
    Matches,
    PrCurve,
    match,
    precision_recall,
)
from converter.detector.evaluate import REFERENCE_SIZE, DetectorResults, Size, reference_truth

FALSE_PER_IMAGE = 0.01
"""False faces an image that recall is given for."""

IOUS = (IOU, 0.5)
"""Overlaps that make a hit."""

TIGHT_SOURCES = {"cmu_mit": 0.3}
"""Sources that draw faces tighter than others, brow to mouth, and the overlap that makes a hit
there. They are judged by themselves: a detector with boxes like those of the others misses the
usual overlap on faces that it has found."""

RECALLS = np.linspace(0, 1, 101)
"""Where the curves of the report are read off."""

COLUMNS = (
    "detector",
    *(f"AP {iou:g}" for iou in IOUS),
    *(str(heights) for heights in HEIGHT_RANGES),
    "recall",
    "found",
    "right",
    "false",
    "ms thread",
    "ms wall",
)

COLORS = ("#1f5f99", "#c2571a", "#3d7a3d", "#7a4a99", "#444444", "#b8860b", "#2a9d9d", "#c94f7c")
STYLES = ("-", "--", ":")

Share = float | None
"""0 to 1; None where there is nothing to take it of."""


class Accuracy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Accuracy at the overlap from which a detection counts as a hit.

    Attributes:
        iou: the overlap.
        average_precision: of the faces of 16 pixels and more.
        by_height: average precision of the faces of each range of heights.
        recall: share of the faces of 16 pixels and more that is found at one false face per
            hundred images.
    """

    iou: float
    average_precision: Share
    by_height: dict[str, Share]
    recall: Share


class SetFigures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Figures of one detector on one set of images.

    Attributes:
        pictures: how many images, those without faces among them.
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
    """All figures of one detector.

    Attributes:
        name: with its settings that are not the default.
        overall: on all images but for those of sources that are judged apart.
        sources: on the images of each source that has faces; parts of one set are one.
        precision: overall, at the usual overlap: the best at a recall of 0, 0.01, ... 1 or beyond,
            0 where so many are never found; empty where there are no faces.
        false_faces: found at its own threshold in the images without faces.
        thread_ms, wall_ms: median milliseconds an image on one thread, by its CPU time and
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
    """Detectors evaluated on the same images.

    Attributes:
        data: what the images are called.
        searched: width and height that each image was fitted into to be searched.
        measured: width and height that faces are measured in.
        empty_pictures: how many images have no face.
        detectors: each one's figures, in the order they were asked for.
    """

    data: str
    searched: Size
    measured: Size
    empty_pictures: int
    detectors: tuple[DetectorFigures, ...]


def build_report(
    data: str, results: Sequence[DetectorResults], images: Sequence[AnnotatedImage], searched: Size
) -> DetectorReport:
    """Return the figures of what `evaluate_detectors` found in `images`."""
    return DetectorReport(
        data=data,
        searched=searched,
        measured=REFERENCE_SIZE,
        empty_pictures=sum(len(one.boxes) == 0 for one in images),
        detectors=tuple(_detector_figures(one, images) for one in results),
    )


def _source_of(image: AnnotatedImage) -> str:
    """Return the source; what names itself the training or validation part of one is that one."""
    return image.source.removesuffix("_train").removesuffix("_val")


def _detector_figures(
    results: DetectorResults, images: Sequence[AnnotatedImage]
) -> DetectorFigures:
    together = [one.source not in TIGHT_SOURCES for one in images]
    sources = {}
    for name in dict.fromkeys(_source_of(one) for one in images if len(one.boxes)):
        chosen = [_source_of(one) == name for one in images]
        ious = (TIGHT_SOURCES[name],) if name in TIGHT_SOURCES else IOUS
        sources[name] = _set_figures(results, images, chosen, ious)
    false_faces = [
        len(found.scores)
        for found, one in zip(results.usual, images, strict=True)
        if len(one.boxes) == 0
    ]
    return DetectorFigures(
        name=results.name,
        overall=_set_figures(results, images, together, IOUS),
        sources=sources,
        precision=_precision(precision_recall(_match(results.found, images, together, IOU))),
        false_faces=sum(false_faces),
        thread_ms=round(results.thread_ms, 3),
        wall_ms=round(results.wall_ms, 3),
    )


def _set_figures(
    results: DetectorResults,
    images: Sequence[AnnotatedImage],
    chosen: Sequence[bool],
    ious: Sequence[float],
) -> SetFigures:
    matches = [_match(results.found, images, chosen, iou) for iou in ious]
    usual = precision_recall(_match(results.usual, images, chosen, ious[0]))
    return SetFigures(
        pictures=matches[0].images,
        faces=usual.faces,
        found=_share(usual.recall[-1] if len(usual.hits) else 0.0 if usual.faces else math.nan),
        right=_share(usual.precision[-1] if len(usual.hits) else math.nan),
        accuracy=tuple(_accuracy(*one) for one in zip(ious, matches, strict=True)),
    )


def _match(
    found: Sequence[Detections],
    images: Sequence[AnnotatedImage],
    chosen: Sequence[bool],
    iou: float,
) -> Matches:
    truth = [reference_truth(one) for one in compress(images, chosen)]
    return match(list(compress(found, chosen)), truth, iou)


def _accuracy(iou: float, matches: Matches) -> Accuracy:
    curve = precision_recall(matches)
    by_height = {
        str(heights): _share(precision_recall(matches, heights).average_precision)
        for heights in HEIGHT_RANGES
    }
    recall = _share(curve.recall_at(FALSE_PER_IMAGE))
    return Accuracy(iou, _share(curve.average_precision), by_height, recall)


def _precision(curve: PrCurve) -> tuple[float, ...]:
    """Return the envelope at `RECALLS`; nothing where there are no faces."""
    if not curve.faces:
        return ()
    places = np.searchsorted(curve.recall, RECALLS)
    values = np.append(curve.envelope, 0.0)[places]
    return tuple(round(value, 4) for value in values.tolist())


def _share(value: float) -> Share:
    return None if math.isnan(value) else round(float(value), 4)


def summarize(report: DetectorReport, markdown: bool = False) -> str:
    """Return a table of all and one by source, each with what its columns mean.

    Args:
        report: of one detector or more.
        markdown: whether the tables are Markdown, or aligned for a terminal.
    """
    sources = report.detectors[0].sources
    heads = [f"{name} ({figures.faces})" for name, figures in sources.items()]
    by_source = [["detector", *heads]]
    for one in report.detectors:
        found = (figures.accuracy[0].average_precision for figures in one.sources.values())
        by_source.append([one.name, *map(_digits, found)])
    main = [COLUMNS, *(_main_row(one) for one in report.detectors)]
    apart = ", ".join(
        f"{name} at {iou:g} and in no figure above" for name, iou in TIGHT_SOURCES.items()
    )
    source_note = f"AP by source (faces) at IoU {IOU:g}; {apart}."
    draw = _markdown if markdown else _aligned
    return "\n\n".join([draw(main), _notes(report), draw(by_source), source_note])


def _main_row(one: DetectorFigures) -> list[str]:
    usual = one.overall.accuracy[0]
    return [
        one.name,
        *(_digits(accuracy.average_precision) for accuracy in one.overall.accuracy),
        *(_digits(usual.by_height[str(heights)]) for heights in HEIGHT_RANGES),
        *map(_digits, (usual.recall, one.overall.found, one.overall.right)),
        str(one.false_faces),
        f"{one.thread_ms:.2f}",
        f"{one.wall_ms:.2f}",
    ]


def _notes(report: DetectorReport) -> str:
    """Return the meaning of the first table's columns."""
    overall = report.detectors[0].overall
    searched, measured = ("x".join(map(str, size)) for size in (report.searched, report.measured))
    return (
        f"{report.data}: {overall.pictures} pictures and {overall.faces} faces of {ALL.low:g} "
        f"pixels and more, measured with the picture fitted into {measured};\n"
        f"searched fitted into {searched}. AP is the area under the precision envelope over all "
        "points (PASCAL VOC 2010), for these faces at each IoU;\n"
        f"by height in pixels, and recall at {FALSE_PER_IMAGE:.0%} as many false faces as "
        f"pictures, at IoU {IOU:g}.\n"
        "At the detector's own threshold, found: share of the faces; right: share of what it finds "
        f"that is one;\nfalse: faces in the {report.empty_pictures} pictures without one; ms: "
        "median of a picture of the size searched, one thread."
    )


def _digits(share: Share) -> str:
    return "-" if share is None else f"{share:.3f}"


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    lines = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return columns as wide as they need, names to the left and figures to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            [f"{name:{widths[0]}}", *(f"{f:>{w}}" for f, w in zip(rest, widths[1:], strict=True))]
        ).rstrip()
        for name, *rest in rows
    )


def plot_report(report: DetectorReport, path: Path) -> None:
    """Plot each detector's curve, and beside it bars of its average precision by height.

    Args:
        report: of one detector or more.
        path: the .png.
    """
    from converter.evaluate.plots import new_figure, save, strip

    figure = new_figure(11.0, 4.8)
    curves, bars = figure.subplots(1, 2, width_ratios=(1, 1.3))
    for number, one in enumerate(report.detectors):
        _plot_curve(curves, one, number)
        _plot_bars(bars, one, number, len(report.detectors))
    curves.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
    curves.set_title(f"faces of {ALL.low:g} pixels and more, IoU {IOU:g}", fontsize=10, loc="left")
    curves.grid(alpha=0.25)
    bars.set_xticks(range(len(HEIGHT_RANGES)), [str(heights) for heights in HEIGHT_RANGES])
    bars.set(ylim=(0, 1.02), xlabel="height of the face, pixels", ylabel="average precision")
    bars.set_title("by height", fontsize=10, loc="left")
    bars.set_axisbelow(True)
    bars.grid(axis="y", alpha=0.25)
    for axes in (curves, bars):
        strip(axes)
    handles, names = curves.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    save(figure, path)


def _plot_curve(axes: Any, one: DetectorFigures, number: int) -> None:
    found = one.overall.accuracy[0].average_precision
    axes.plot(
        RECALLS[: len(one.precision)],  # there is no curve where there are no faces
        one.precision,
        color=COLORS[number % len(COLORS)],
        linestyle=STYLES[number // len(COLORS) % len(STYLES)],
        label=f"{one.name}: {'-' if found is None else f'{found:.2f}'}, {one.thread_ms:.1f} ms",
    )


def _plot_bars(axes: Any, one: DetectorFigures, number: int, count: int) -> None:
    by_height = one.overall.accuracy[0].by_height
    width = 0.8 / count
    places = np.arange(len(HEIGHT_RANGES)) + (number - (count - 1) / 2) * width
    heights = [by_height[str(each)] or 0.0 for each in HEIGHT_RANGES]
    axes.bar(places, heights, width=0.9 * width, color=COLORS[number % len(COLORS)])
