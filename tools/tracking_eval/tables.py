"""The figures as tables in markdown."""

import math
from collections.abc import Iterable, Sequence
from statistics import fmean, median

from tools.tracking_eval.metrics import Apparition, Figures, PersonFigures

LARGE = 32.0
"""Height in a frame of 640 pixels from which every face is to be found."""

MOST_MS, MOST_CHANGES, MOST_LATENCY = 2.5, 3.0, 0.5
"""The goals: milliseconds a frame, label changes a minute of a steady face, seconds of a switch."""

FILE_COLUMNS = (
    "file",
    "frames",
    "found of visible",
    "strays a frame",
    "ms (median)",
    "ms (mean)",
    "followed",
    "first track, s",
    "ids",
    "switches",
    "false tracks (events)",
    "excess label changes",
    "uncertain",
    "ms following",
    "detector ran",
)

SUMMARY_COLUMNS = (
    "detector",
    "faces of 32 pixels followed",
    "all faces followed",
    "first track in films, s: median, max",
    "found of visible",
    "false tracks (events)",
    "ids a face, at most",
    "id switches",
    "label changes a minute",
    "switch latency, s: median, max",
    "missed",
    "ms alone",
    "ms following",
    "goals not met",
)

NOTES = """\
- found: by the detector alone, on every frame; the sum over people of the share of their frames.
- strays: its detections that are of nobody.
- followed: share of a face's frames with a track of it, from the first in which there could be one.
- first track: seconds from the first frame in which a face is visible.
- ids: tracks of each person; a track of nobody for most of its life is false.
- label changes: beyond one for each change of the face, where its expression is known; what is
  uncertain is passed over.
- uncertain: of the frames in which something is told of a face, those in which it cannot be read.
- ms: of processor time a frame, on one thread; the summary's are over the frames of all films.
- switch latency: from the middle of a switch until the label follows; missed: where it does not."""


def file_table(files: Sequence[Figures]) -> str:
    """Return one row a file, of one detector."""
    return table(FILE_COLUMNS, [_file_row(one) for one in files])


def remarks(files: Sequence[Figures]) -> str:
    """Return a line for each false track and for the switches of each film, in markdown."""
    lines: list[str] = []
    for one in files:
        lines += [f"- {one.name}: false track, {_appeared(false)}" for false in one.false_tracks]
        for person in one.people:
            told = [f"{late.to} after {late.seconds:.2f} s" for late in person.latencies]
            told += [f"missed {missed}" for missed in person.missed]
            lines += [f"- {one.name}: {', '.join(told)}"] * bool(told)
    return "\n".join(lines)


def _appeared(false: Apparition) -> str:
    box = ", ".join(f"{edge:.0f}" for edge in false.box.edges)
    return f"frames {false.first} to {false.last}, at first {box}"


def summary_table(results: dict[str, list[Figures]]) -> str:
    """Return one row a detector."""
    return table(SUMMARY_COLUMNS, [_summary_row(name, files) for name, files in results.items()])


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def unmet(files: Sequence[Figures]) -> list[str]:
    """Return the goals that a detector misses on `files`."""
    people = everyone(files)
    met = {
        "every large face": all(person.ids for person in large(people)),
        "no false track": not any(one.false_tracks for one in files),
        "one id each": all(person.ids <= 1 and not person.switches for person in people),
        "label changes": not changes_a_minute(people) > MOST_CHANGES,
        "switch latency": max(latencies(people), default=0.0) <= MOST_LATENCY,
        "ms": mean_ms(files) <= MOST_MS,
    }
    return [name for name, reached in met.items() if not reached]


def everyone(files: Iterable[Figures]) -> list[PersonFigures]:
    """Return the people of all files."""
    return [person for one in files for person in one.people]


def large(people: Iterable[PersonFigures]) -> list[PersonFigures]:
    """Return those whose faces are to be found whatever happens."""
    return [person for person in people if person.size >= LARGE]


def mean_ms(files: Sequence[Figures], alone: bool = False) -> float:
    """Return what a frame of a film costs on average: following it, or the detector alone."""
    films = [one for one in files if not one.still]
    spent = sum(one.frames * (one.detect_ms if alone else one.follow_ms) for one in films)
    return spent / sum(one.frames for one in films) if films else math.nan


def latencies(people: Iterable[PersonFigures]) -> list[float]:
    """Return the seconds of every switch that a label followed."""
    return [one.seconds for person in people for one in person.latencies]


def changes_a_minute(people: Iterable[PersonFigures]) -> float:
    """Return how often the label of a steady face changed, a minute of all of them; NaN of none."""
    steady = [person for person in people if person.seconds]
    seconds = sum(person.seconds for person in steady)
    return 60 * sum(person.excess for person in steady) / seconds if seconds else math.nan


def mean_followed(people: Iterable[PersonFigures]) -> float:
    """Return the mean share of their frames in which people are followed."""
    return _mean(person.followed for person in people)


def _mean(shares: Iterable[float]) -> float:
    """Return the mean of those there are; NaN of none."""
    known = [share for share in shares if not math.isnan(share)]
    return fmean(known) if known else math.nan


def _file_row(one: Figures) -> list[str]:
    people = one.people
    return [
        one.name,
        str(one.frames),
        _found(people),
        f"{one.strays:.2f}",
        f"{one.detect_median:.2f}",
        f"{one.detect_ms:.2f}",
        percent(mean_followed(people)),
        _delays(people),
        ", ".join(str(person.ids) for person in people) or "-",
        str(sum(person.switches for person in people)),
        f"{len(one.false_tracks)} ({one.false_starts})",
        _changes(people),
        percent(_mean(person.uncertain for person in people)),
        f"{one.follow_ms:.2f}",
        percent(one.ran),
    ]


def _summary_row(name: str, files: Sequence[Figures]) -> list[str]:
    people = everyone(files)
    seconds = latencies(people)
    return [
        name,
        _followed(large(people)),
        _followed(people),
        _delays(everyone([one for one in files if not one.still])),
        _found(people),
        f"{sum(len(one.false_tracks) for one in files)} ({sum(one.false_starts for one in files)})",
        str(max((person.ids for person in people), default=0)),
        str(sum(person.switches for person in people)),
        number(changes_a_minute(people)),
        f"{median(seconds):.2f}, {max(seconds):.2f}" if seconds else "-",
        "; ".join(missed for person in people for missed in person.missed) or "none",
        number(mean_ms(files, alone=True)),
        number(mean_ms(files)),
        ", ".join(unmet(files)) or "none",
    ]


def _found(people: Sequence[PersonFigures]) -> str:
    return f"{sum(person.detected for person in people):.2f} of {len(people)}"


def _followed(people: Sequence[PersonFigures]) -> str:
    tracked = sum(person.ids > 0 for person in people)
    return f"{tracked} of {len(people)} ({percent(mean_followed(people))})"


def _delays(people: Sequence[PersonFigures]) -> str:
    seconds = [person.delay for person in people if not math.isnan(person.delay)]
    return f"{median(seconds):.2f}, {max(seconds):.2f}" if seconds else "-"


def _changes(people: Sequence[PersonFigures]) -> str:
    """Say how many label changes too many in how many seconds of faces known to be steady."""
    seconds = sum(person.seconds for person in people)
    return f"{sum(person.excess for person in people)} in {seconds:.1f} s" if seconds else "-"


def percent(share: float) -> str:
    """Return a share in percent; a dash where there is none."""
    return "-" if math.isnan(share) else f"{share:.0%}"


def number(value: float) -> str:
    """Return a number with two places; a dash where there is none."""
    return "-" if math.isnan(value) else f"{value:.2f}"
