"""The report of judged detectors as text: a table of all, and one by source."""

from collections.abc import Iterator, Sequence

from converter.detector.average_precision import ALL, BANDS, IOU
from converter.detector.report import (
    APART,
    FALSE_A_PICTURE,
    IOUS,
    DetectorFigures,
    DetectorReport,
    SetFigures,
    Share,
)

COLUMNS = (
    "detector",
    *(f"AP {iou:g}" for iou in IOUS),
    *(str(band) for band in BANDS),
    "recall",
    "found",
    "right",
    "false",
    "ms thread",
    "ms wall",
)


def summarize(report: DetectorReport, markdown: bool = False) -> str:
    """Return both tables, each with what its columns mean; `markdown` or aligned for a terminal."""
    main = [COLUMNS, *(_main_row(one) for one in report.detectors)]
    by_source = list(_source_rows(report.detectors))
    draw = _markdown if markdown else _aligned
    return "\n\n".join([draw(main), _notes(report), draw(by_source), _source_note()])


def _main_row(one: DetectorFigures) -> list[str]:
    usual = one.overall.accuracy[0]
    return [
        one.name,
        *(_digits(accuracy.average_precision) for accuracy in one.overall.accuracy),
        *(_digits(usual.by_height[str(band)]) for band in BANDS),
        *map(_digits, (usual.recall, one.overall.found, one.overall.right)),
        str(one.false_faces),
        f"{one.thread_ms:.2f}",
        f"{one.wall_ms:.2f}",
    ]


def _source_rows(detectors: Sequence[DetectorFigures]) -> Iterator[list[str]]:
    sources = detectors[0].sources
    yield ["detector", *(_head(name, figures) for name, figures in sources.items())]
    for one in detectors:
        found = (figures.accuracy[0].average_precision for figures in one.sources.values())
        yield [one.name, *map(_digits, found)]


def _head(source: str, figures: SetFigures) -> str:
    return f"{source} ({figures.faces})"


def _notes(report: DetectorReport) -> str:
    """Say what the columns of the first table mean."""
    overall = report.detectors[0].overall
    searched, measured = ("x".join(map(str, size)) for size in (report.searched, report.measured))
    return (
        f"{report.data}: {overall.pictures} pictures and {overall.faces} faces of {ALL.low:g} "
        f"pixels and more, measured with the picture fitted into {measured};\n"
        f"searched fitted into {searched}. AP is the area under the precision envelope over all "
        "points (PASCAL VOC 2010), for these faces at each IoU;\n"
        f"by height in pixels, and recall at {FALSE_A_PICTURE:.0%} as many false faces as "
        f"pictures, at IoU {IOU:g}.\n"
        "At the detector's own threshold, found: share of the faces; right: share of what it finds "
        f"that is one;\nfalse: faces in the {report.empty_pictures} pictures without one; ms: "
        "median of a picture of the size searched, one thread."
    )


def _source_note() -> str:
    apart = ", ".join(f"{name} at {iou:g} and in no figure above" for name, iou in APART.items())
    return f"AP by source (faces) at IoU {IOU:g}; {apart}."


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
