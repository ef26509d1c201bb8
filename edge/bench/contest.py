"""Who takes part in a benchmark."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge.bench.clips import CROWD, ONE_FACE, film_of
from edge.bench.worker_protocol import NetworkTask, PassTask, PlainTask, Settings, Task
from edge.detect.card import DetectorCard
from edge.errors import ConfigError, ModelError
from edge.infer.card import ModelCard
from edge.model_card import card_path, decode_card
from edge.paths import asset, find_model
from edge.tflite import Runtime

DEFAULT_MODEL = "shallow-int8"

FLOAT_MODEL = "shallow-float32"
"""What the others are compared with, where it takes part."""

KERAS = "keras"

PLAIN_DETECTOR, PLAIN_MODEL, PLAIN_MODE = "haar 1.3/5", "shallow in Keras", "plain loop"

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
        right = (one.accuracy for one in card.measured)
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
