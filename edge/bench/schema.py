"""What a benchmark comes to, as its JSON has it."""

from pathlib import Path

import msgspec

from edge.errors import EmotiondError


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """How the machine was at one moment.

    Attributes:
        temperature: degrees Celsius of the hottest zone; None without a thermometer.
        throttling: what holds the processor back, in words.
        governor: what sets the frequency; None where the kernel does not tell.
        mhz: the frequency of the first core; None likewise.
    """

    temperature: float | None
    throttling: tuple[str, ...]
    governor: str | None
    mhz: int | None


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured on, and how far it can be trusted.

    Attributes:
        time: UTC, when it began.
        version: of emotiond.
        board: what the device tree calls it; None on a PC.
        features: instructions that the models gain by.
        packages: versions of what does the work.
        reference_ms: median time of the reference computation, `edge.bench.reference`.
        reference_spread: its slowest median less its fastest, as a share of it.
        others: share of the processor's time that other processes, and other guests of the host,
            took.
        noise: why the figures are not to be trusted much; empty where nothing speaks against them.
        not_measured: contenders that could not be, and why.
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


class ModelRow(msgspec.Struct, frozen=True, kw_only=True):
    """One network.

    Attributes:
        runtime: what ran it.
        threads: of the interpreter.
        batch: faces, or pictures, in one call.
        accuracy: on FER2013's PublicTest; None where the card has none.
        average_precision: at IoU 0.4 on the card's test pictures, of a detector.
        size_mb: of the file.
        load_ms: until it could be called.
        first_ms: the first call.
        p50_ms, p95_ms, min_ms: one call, whatever its batch.
        per_second: faces, or pictures.
        memory_mb: that the process grew by.
        times: how many times as fast a face, or picture, as `against`: the median of the rounds.
        times_low, times_high: the least and the most of them.
        against: the name of the row it is compared with.
    """

    model: str
    runtime: str
    threads: int
    batch: int
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
    times: float
    times_low: float
    times_high: float
    against: str
    rounds: int

    @property
    def name(self) -> str:
        """The network, and how it is run."""
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        return f"{self.model}, {self.runtime}, {threads}, batch {self.batch}"

    @property
    def cost(self) -> float:
        """Milliseconds of a call."""
        return self.p50_ms


class PipelineRow(msgspec.Struct, frozen=True, kw_only=True):
    """A film sent through the stages.

    Attributes:
        scene: what is to be seen in the film.
        mode: "one thread", "threads", or "plain loop".
        fps: frames a second where none is dropped.
        capture_ms, detect_ms, infer_ms, publish_ms: of a frame, in one thread; the plain loop
            draws and writes a JPEG where others publish.
        p50_ms, p95_ms, p99_ms: in one thread the time of a frame; of threads, at the pace of a
            camera, from capture until the frame's events were handed over.
        dropped: frames at that pace; None where it was not tried.
        cpu_ms: processor time of a frame, of all threads, at that pace.
        memory_mb: that the process had.
        faces: found in a frame.
        times: frames a second as a multiple of `against`: the median of the rounds.
        times_low, times_high: the least and the most of them.
        against: the name of the row it is compared with.
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
    times: float
    times_low: float
    times_high: float
    against: str
    rounds: int

    @property
    def name(self) -> str:
        """What the stages were made of."""
        return f"{self.detector} + {self.model}, {self.scene}, {self.mode}"

    @property
    def cost(self) -> float:
        """Milliseconds of a frame."""
        return 1000 / self.fps


class LiveRow(msgspec.Struct, frozen=True, kw_only=True):
    """The whole daemon, watching a live stream.

    Attributes:
        source_fps: of the stream.
        fps: frames a second analysed.
        p50_ms, p95_ms: from capture until a frame was read.
        event_p95_ms: from capture until an event was handed to the sinks; None without an event.
        cpu_percent: of one core.
        memory_mb: that it had at the end.
        first_event_s: from the start of the process to its first event; None without one.
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
        """What was watched."""
        return f"{self.detector} + {self.model}, {self.scene}, live at {self.source_fps:g} fps"

    @property
    def cost(self) -> float:
        """Milliseconds of processor time a second."""
        return 10 * self.cpu_percent


Row = ModelRow | PipelineRow | LiveRow
"""Each tells its `name`, and the `cost` in milliseconds that comparisons go by."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

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
