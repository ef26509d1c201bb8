"""Who is measured against whom, and the rows that come of it."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import msgspec

from edge.assets import asset, find_model
from edge.bench.results import ModelRow, PipelineRow
from edge.bench.scenes import CROWD, ONE_FACE, film_of
from edge.bench.tasks import (
    NetworkAnswer,
    NetworkTask,
    PassAnswer,
    PassTask,
    PlainAnswer,
    PlainTask,
    Task,
)
from edge.bench.turns import Rounds
from edge.card import card_path, decode_card
from edge.detect.card import DetectorCard
from edge.errors import ConfigError, ModelError
from edge.infer.card import ModelCard
from edge.runtime import Runtime

DEFAULT_MODEL = "shallow-int8"

FLOAT_MODEL = "shallow-float32"
"""What the others are compared with, where it takes part."""

KERAS = "keras"

PLAIN_DETECTOR, PLAIN_MODEL, PLAIN_MODE = "haar 1.3/5", "shallow in Keras", "plain loop"

ACCURACY_DATA = "FER2013 PublicTest"

Settings = tuple[tuple[str, str], ...]
"""Key and value, as a config writes them."""

DETECTORS: dict[str, Settings] = {
    "emotiond": (("kind", "emotiond"),),
    "emotiond 160x120": (("kind", "emotiond"), ("size", "160x120")),
    "haar": (("kind", "haar"),),
    "blazeface": (("kind", "blazeface"),),
    "blazeface short": (("kind", "blazeface"), ("range", "short")),
    "yunet": (("kind", "yunet"),),
    "mediapipe": (("kind", "mediapipe"),),
}
"""Every detector, as a config writes it; those that are not at hand are told of."""

KERAS_SUFFIXES = frozenset({".keras", ".h5"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One contender: its task, and what a row says of it beside figures.

    Attributes:
        task: what is done.
        labels: fields of its row.
        name: what it is called where it cannot be measured.
    """

    task: Task
    labels: Mapping[str, object]
    name: str


class Extent(msgspec.Struct, frozen=True, kw_only=True):
    """How much is measured.

    Attributes:
        files: .tflite and Keras models, or names of shipped ones; none stands for all shipped.
        detectors: names of `DETECTORS`.
        threads: of interpreters.
        batches: how many faces in a call.
        film: what the stages are shown; None is the built-in clip.
        seconds: of each repetition of a network, and at a camera's pace.
        frames: of the film, in one repetition.
        fps: of that camera.
    """

    files: tuple[Path, ...] = ()
    detectors: tuple[str, ...] = tuple(DETECTORS)
    threads: tuple[int, ...] = (1, min(2, os.cpu_count() or 1))
    batches: tuple[int, ...] = (1, 8)
    film: Path | None = None
    seconds: float = 0.5
    frames: int = 300
    fps: float = 30.0


def models_of(extent: Extent) -> list[Path]:
    """Return the models that are measured.

    Raises:
        ModelError: there is no such model.
    """
    if not extent.files:
        return sorted(asset("models").glob("*.tflite"))
    return [_model(file).absolute() for file in extent.files]


def network_entries(extent: Extent) -> list[Entry]:
    """Return each model with each runtime, number of threads and batch.

    Raises:
        ModelError: a model or its card cannot be read.
    """
    models = models_of(extent)
    detectors = [] if extent.files else sorted((asset("models") / "detectors").glob("*.tflite"))
    return [
        _network_entry(model, runtime, threads, batch, extent.seconds)
        for model in [*models, *detectors]
        for runtime in _runtimes(model)
        for threads in dict.fromkeys(extent.threads if runtime else (1,))
        for batch in (extent.batches if model in models else (1,))
    ]


def pass_entries(extent: Extent, folder: Path) -> list[Entry]:
    """Return the plain loop, each detector with each model, and the default with many faces.

    Args:
        extent: which.
        folder: for films that are made.

    Raises:
        EmotiondError: the film cannot be read.
    """
    scene = str(extent.film) if extent.film else ONE_FACE
    film = film_of(scene, folder)
    models = [model for model in models_of(extent) if model.suffix not in KERAS_SUFFIXES]
    plain = PlainTask(film, extent.frames // 2)
    labels = {"detector": PLAIN_DETECTOR, "model": PLAIN_MODEL, "scene": scene}
    entries = [Entry(plain, labels, PLAIN_MODE)]
    for name in extent.detectors:
        entries += [_pass_entry(name, model, scene, film, extent) for model in models]
    if extent.film is None:
        model = find_model(Path(DEFAULT_MODEL)).absolute()
        crowd = film_of(CROWD, folder)
        entries.append(_pass_entry(extent.detectors[0], model, CROWD, crowd, extent))
    return entries


def model_rows(entries: Sequence[Entry], rounds: Rounds) -> list[ModelRow]:
    """Return the rows of those that were measured, with their ratios."""
    measured = [entry for entry in entries if entry.task in rounds.answers]
    if not measured:
        return []
    base = next((one for one in measured if one.labels["model"] == FLOAT_MODEL), measured[0])
    rows = [_model_row(entry, rounds, base) for entry in measured]
    against = rows[measured.index(base)].name
    return [msgspec.structs.replace(row, against=against) for row in rows]


def pipeline_rows(entries: Sequence[Entry], rounds: Rounds) -> list[PipelineRow]:
    """Return the rows of those that were measured, in one thread and in several, with ratios.

    They are compared with the plain loop where Keras is installed, else with the first in one
    thread.
    """
    measured = [entry for entry in entries if entry.task in rounds.answers]
    if not measured:
        return []
    base = [answer.fps for answer in rounds.answers[measured[0].task]]
    rows = [row for entry in measured for row in _pipeline_rows(entry, rounds, base)]
    return [msgspec.structs.replace(row, against=rows[0].name) for row in rows]


def failures(entries: Sequence[Entry], rounds: Rounds) -> dict[str, str]:
    """Return who could not be measured, and why; once for each reason of a contender."""
    failed = [entry for entry in entries if entry.task in rounds.failures]
    return {entry.name: rounds.failures[entry.task] for entry in failed}


def _model(file: Path) -> Path:
    """Return a file, or the shipped model of that name.

    Raises:
        ModelError: there is none.
    """
    if file.suffix not in KERAS_SUFFIXES:
        return find_model(file)
    if not file.is_file():
        raise ModelError(f"{file}: no such model")
    return file


def _runtimes(model: Path) -> Sequence[Runtime | None]:
    return [None] if model.suffix in KERAS_SUFFIXES else list(Runtime)


def _network_entry(
    model: Path, runtime: Runtime | None, threads: int, batch: int, seconds: float
) -> Entry:
    task = NetworkTask(model.absolute(), runtime, threads, batch, seconds)
    called = str(runtime or KERAS)
    labels = {
        "model": model.stem,
        "runtime": called,
        "threads": threads,
        "batch": batch,
        "size_mb": round(model.stat().st_size / 1e6, 3),
        **_merits(model),
    }
    # A runtime that is absent is absent for every model, thread and batch.
    return Entry(task, labels, f"{model.stem}, {called}" if runtime is None else called)


def _merits(model: Path) -> dict[str, float | None]:
    """Return how right a model is, as its card says; one without a card is not known to be."""
    merits: dict[str, float | None] = {"accuracy": None, "average_precision": None}
    if not card_path(model).exists():
        return merits
    try:
        card = decode_card(card_path(model), ModelCard, "a model card")
        right = (one.accuracy for one in card.measured if one.data == ACCURACY_DATA)
        return {**merits, "accuracy": next(right, None)}
    except ModelError:
        detector = decode_card(card_path(model), DetectorCard, "a detector's card")
        found = (one.average_precision.get("0.4") for one in detector.measured)
        return {**merits, "average_precision": next((one for one in found if one), None)}


def _pass_entry(detector: str, model: Path, scene: str, film: Path, extent: Extent) -> Entry:
    if detector not in DETECTORS:
        known = ", ".join(DETECTORS)
        raise ConfigError(f"--detector: expected one of {known}, found {detector!r}")
    settings = DETECTORS[detector]
    task = PassTask(settings, model.absolute(), film, extent.frames, extent.fps, 4 * extent.seconds)
    labels: dict[str, object] = {"detector": detector, "model": model.stem, "scene": scene}
    return Entry(task, labels, detector)


def _model_row(entry: Entry, rounds: Rounds, base: Entry) -> ModelRow:
    answers: list[NetworkAnswer] = rounds.answers[entry.task]
    batch = int(str(entry.labels["batch"]))
    each = [answer.call.p50 / batch for answer in answers]
    base_batch = int(str(base.labels["batch"]))
    other = [answer.call.p50 / base_batch for answer in rounds.answers[base.task]]
    p50 = median(answer.call.p50 for answer in answers)
    return msgspec.convert(
        {
            **entry.labels,
            **_ratios([1 / one for one in each], [1 / one for one in other]),
            "load_ms": median(answer.load for answer in answers),
            "first_ms": median(answer.first for answer in answers),
            "p50_ms": p50,
            "p95_ms": median(answer.call.p95 for answer in answers),
            "min_ms": min(answer.call.fastest for answer in answers),
            "per_second": 1000 * batch / p50,
            "memory_mb": median(answer.memory for answer in answers),
            "against": "",
            "rounds": len(answers),
        },
        ModelRow,
    )


def _pipeline_rows(entry: Entry, rounds: Rounds, base: Sequence[float]) -> Iterator[PipelineRow]:
    answers = rounds.answers[entry.task]
    common = {**entry.labels, "against": "", "rounds": len(answers)}
    common["memory_mb"] = median(answer.memory for answer in answers)
    common["faces"] = median(answer.faces for answer in answers)
    stages = {
        f"{name}_ms": median(answer.stages[name] for answer in answers)
        for name in answers[0].stages
    }
    mode = PLAIN_MODE if isinstance(entry.task, PlainTask) else "one thread"
    speeds = [answer.fps for answer in answers]
    yield _row({**common, **stages, "mode": mode}, answers, "frame", speeds, base)
    if isinstance(entry.task, PassTask):
        live = {
            "mode": "threads",
            "dropped": sum(answer.dropped for answer in answers),
            "cpu_ms": median(answer.cpu for answer in answers),
        }
        speeds = [answer.threaded_fps for answer in answers]
        yield _row({**common, **live}, answers, "latency", speeds, base)


def _row(
    labels: dict[str, object],
    answers: Sequence[PassAnswer | PlainAnswer],
    timed: str,
    speeds: Sequence[float],
    base: Sequence[float],
) -> PipelineRow:
    timings = [getattr(answer, timed) for answer in answers]
    percentiles = {
        f"{name}_ms": median(getattr(timing, name) for timing in timings)
        for name in ("p50", "p95", "p99")
    }
    figures = {**percentiles, **_ratios(speeds, base), "fps": median(speeds)}
    return msgspec.convert({**labels, **figures}, PipelineRow)


def _ratios(speeds: Sequence[float], base: Sequence[float]) -> dict[str, float]:
    """Return how many times as fast one is as another, round by round."""
    ratios = [one / other for one, other in zip(speeds, base, strict=True)]
    return {"times": median(ratios), "times_low": min(ratios), "times_high": max(ratios)}
