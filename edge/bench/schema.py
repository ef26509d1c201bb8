"""Result of a benchmark, as `emotiond bench --json` writes it."""

from pathlib import Path

import msgspec

from edge.errors import EmotiondError

DEFAULT_MODEL, FLOAT_MODEL = "shallow-int8", "shallow-float32"
"""The default classifier, and the model that others are compared with."""


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """State of the machine at one moment.

    Attributes:
        temperature: degrees Celsius of the hottest zone; None without a thermometer.
        throttling: what slows the CPU down, in words.
        governor: frequency governor; None where the kernel does not say.
        mhz: frequency of the first core; None likewise.
    """

    temperature: float | None
    throttling: tuple[str, ...]
    governor: str | None
    mhz: int | None


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Machine that was measured on, and how far its figures can be trusted.

    Attributes:
        time: UTC of the start.
        board: name in the device tree; None on a PC.
        features: instruction sets that the models gain by.
        reference_ms: median time of the reference computation (`ReferenceRequest`).
        reference_spread: its slowest time less its fastest, as a share of the median.
        others: share of the CPU time that other processes, and other guests of the host, took.
        noise: reasons not to trust the figures; empty where there are none.
        not_measured: what could not be measured, and why.
    """

    time: str
    version: str
    cpu: str
    board: str | None
    architecture: str
    cores: int
    features: tuple[str, ...]
    memory_mb: int
    system: str
    python: str
    packages: dict[str, str]
    before: Conditions
    after: Conditions
    reference_ms: float
    reference_spread: float
    others: float
    noise: tuple[str, ...]
    not_measured: dict[str, str]


class ComparedRow(msgspec.Struct, frozen=True, kw_only=True):
    """Row that is compared with another of its part, in the same run.

    Attributes:
        times: how many times as fast as `against`, the median of the rounds.
        times_low, times_high: the lowest and the highest of the rounds.
        against: name of the row it is compared with.
        rounds: how often it was measured.
    """

    times: float = 1.0
    times_low: float = 1.0
    times_high: float = 1.0
    against: str = ""
    rounds: int = 1


class ModelRow(ComparedRow, frozen=True, kw_only=True):
    """One model on one runtime, one thread.

    Attributes:
        accuracy: of the card's first measurement; None without one.
        average_precision: of a detector, at IoU 0.4, from its card; None without one.
        load_ms: until it could be called; its runtime was imported before.
        p50_ms, p95_ms, min_ms: of one call, input and output included; first_ms: of the first.
        memory_mb: growth of the process.
    """

    model: str
    runtime: str
    accuracy: float | None
    average_precision: float | None
    size_mb: float
    load_ms: float
    first_ms: float
    p50_ms: float
    p95_ms: float
    min_ms: float
    per_second: float
    memory_mb: float

    @property
    def name(self) -> str:
        """Model and runtime."""
        return f"{self.model}, {self.runtime}"

    @property
    def cost(self) -> float:
        """Milliseconds of a call."""
        return self.p50_ms


class PipelineRow(ComparedRow, frozen=True, kw_only=True):
    """One video through the stages of the daemon, the detector on every frame.

    Attributes:
        mode: "one thread" or "threads".
        fps: frames a second where none is dropped.
        capture_ms, detect_ms, infer_ms, publish_ms: of a frame, in one thread.
        p50_ms, p95_ms, p99_ms: in one thread the time of a frame; with threads, at the rate of a
            camera, from capture until the frame's events were published.
        dropped, cpu_ms: frames in all rounds, and CPU time a frame of all threads, at that rate;
            None in one thread.
        memory_mb: resident memory of the process.
        faces: mean number found in a frame.
    """

    detector: str
    model: str
    scene: str
    mode: str
    fps: float
    capture_ms: float | None = None
    detect_ms: float | None = None
    infer_ms: float | None = None
    publish_ms: float | None = None
    p50_ms: float
    p95_ms: float
    p99_ms: float
    dropped: int | None = None
    cpu_ms: float | None = None
    memory_mb: float
    faces: float

    @property
    def name(self) -> str:
        """Detector, model, scene and mode."""
        return f"{self.detector} + {self.model}, {self.scene}, {self.mode}"

    @property
    def cost(self) -> float:
        """Milliseconds of a frame."""
        return 1000 / self.fps


class LiveRow(msgspec.Struct, frozen=True, kw_only=True):
    """The whole daemon, watching a live stream of `source_fps` for some seconds.

    Attributes:
        p50_ms, p95_ms: from capture until a frame was analyzed.
        event_p95_ms: from capture until an event reached the sinks; None without an event.
        cpu_percent: of one core.
        memory_mb: resident memory at the end.
        first_event_s: seconds from the start of the process to its first event; None without one.
    """

    detector: str
    model: str
    scene: str
    source_fps: float
    seconds: float
    fps: float
    frames: int
    dropped: int
    p50_ms: float
    p95_ms: float
    event_p95_ms: float | None
    cpu_percent: float
    memory_mb: float
    first_event_s: float | None

    @property
    def name(self) -> str:
        """Detector, model, scene and rate."""
        return f"{self.detector} + {self.model}, {self.scene}, live at {self.source_fps:g} fps"

    @property
    def cost(self) -> float:
        """Milliseconds of CPU time a second."""
        return 10 * self.cpu_percent


Row = ModelRow | PipelineRow | LiveRow
"""Each has a `name` and the `cost` in milliseconds by which results are compared."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """All measurements of one run."""

    machine: Machine
    models: list[ModelRow]
    pipeline: list[PipelineRow]
    live: list[LiveRow]

    @property
    def rows(self) -> list[Row]:
        """Every row."""
        return [*self.models, *self.pipeline, *self.live]


def read_result(path: Path) -> Result:
    """Read what `emotiond bench --json` wrote.

    Raises:
        EmotiondError: it cannot be read, or is something else.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Result)
    except OSError as error:
        raise EmotiondError(f"{path}: cannot be read: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise EmotiondError(
            f"{path}: is not what `emotiond bench --json` writes: {error}"
        ) from error
