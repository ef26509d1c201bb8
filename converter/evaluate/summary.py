"""An evaluation's report in words, for the terminal."""

from collections.abc import Iterator

from converter.evaluate.report import Calibration, Figures, Report


def summarize(report: Report) -> str:
    """Return the lines that `emotiond-convert evaluate` prints."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    for label, other in report.merged.items():
        yield f"{label} counts as {other}"
    for reason, rows in report.left_out.items():
        yield f"left out of {report.usage}: {reason}: {rows}"
    yield from _figures(report.model, report.all_rows)
    yield ""
    yield from _table(report.all_rows)
    yield ""
    if report.without_copies is None:
        yield "without copies of Training pictures: not measured; no such row, or no Training"
    else:
        yield from _figures(report.model, report.without_copies)


def _figures(model: str, figures: Figures) -> Iterator[str]:
    yield _headline(model, figures)
    yield f"  balanced accuracy {figures.balanced_accuracy:.2%}, macro F1 {figures.macro_f1:.3f}"
    flip, (low, high) = figures.flip_averaged.accuracy, figures.flip_averaged.interval
    yield f"  flip-averaged {flip:.2%} ({low:.1%} to {high:.1%}), log loss {figures.log_loss:.3f}"
    yield f"  calibration error {_calibration(figures.calibration)}"


def _headline(model: str, figures: Figures) -> str:
    low, high = figures.interval
    return (
        f"{model}: {figures.accuracy:.2%} ({low:.1%} to {high:.1%}) "
        f"of {figures.data}, {figures.rows} rows"
    )


def _table(figures: Figures) -> Iterator[str]:
    width = max(map(len, figures.classes))
    yield f"  {'':{width}}  precision  recall     F1   rows"
    for label, one in figures.classes.items():
        yield (
            f"  {label:{width}}  {one.precision:9.3f}  {one.recall:6.3f}  {one.f1:5.3f}  "
            f"{one.support:5d}"
        )


def _calibration(calibration: Calibration) -> str:
    text = (
        f"{calibration.unscaled:.3f} unscaled, "
        f"{calibration.scaled:.3f} at temperature {calibration.temperature:g}"
    )
    if calibration.cross_fitted_temperatures is None:
        return text
    first, second = calibration.cross_fitted_temperatures
    return f"{text}, {calibration.cross_fitted:.3f} cross-fitted (at {first:g} and {second:g})"
