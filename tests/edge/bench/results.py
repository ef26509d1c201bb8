"""Results as a benchmark would give them."""

from typing import Any

import msgspec

from edge.bench.model_bench import ModelRow
from edge.bench.pipeline_bench import LiveRow, PipelineRow
from edge.bench.report import Machine, Result


def machine(**fields: Any) -> Machine:
    known = Machine(
        time="2026-11-27T01:00:00+00:00",
        version="0.1.0",
        cpu="A processor",
        board="Raspberry Pi 4 Model B",
        architecture="aarch64",
        cores=4,
        features=("asimddp",),
        memory_mb=4000,
        system="Linux 6",
        python="3.11.2",
        packages={"numpy": "2"},
        temperature=51.2,
        reference_ms=10.0,
        reference_spread=0.02,
        noise=(),
        not_measured={},
    )
    return msgspec.structs.replace(known, **fields)


def model_row(model: str, p50: float, times: float = 1.0, **fields: Any) -> ModelRow:
    row = ModelRow(
        model=model,
        runtime="litert",
        accuracy=0.69,
        size_mb=0.68,
        load_ms=3.0,
        first_ms=0.5,
        p50_ms=p50,
        p95_ms=1.1 * p50,
        min_ms=0.9 * p50,
        memory_mb=10.0,
        times=times,
        times_low=0.9 * times,
        times_high=1.1 * times,
        against="shallow-float32, litert",
        rounds=3,
    )
    return msgspec.structs.replace(row, **fields)


def pipeline_row(mode: str, fps: float, **fields: Any) -> PipelineRow:
    row = PipelineRow(
        detector="builtin",
        model="shallow-int8",
        scene="one face",
        mode=mode,
        fps=fps,
        p50_ms=1.0,
        p95_ms=2.0,
        p99_ms=3.0,
        memory_mb=100.0,
        faces=1.0,
        against="itself",
    )
    return msgspec.structs.replace(row, **fields)


def live_row() -> LiveRow:
    return LiveRow(
        detector="auto",
        model="shallow-int8",
        scene="nobody",
        source_fps=30.0,
        seconds=60.0,
        fps=30.0,
        frames=1800,
        dropped=0,
        p50_ms=2.0,
        p95_ms=3.0,
        cpu_percent=10.0,
        memory_mb=100.0,
        first_event_s=None,
    )


def result(**fields: Any) -> Result:
    stages = {"capture_ms": 0.3, "detect_ms": 0.9, "infer_ms": 0.5, "publish_ms": 0.0}
    known = Result(
        machine=machine(),
        models=[model_row("shallow-float32", 1.4), model_row("shallow-int8", 0.35, 4.0)],
        pipeline=[
            pipeline_row("one thread", 500.0, **stages),
            pipeline_row("threads", 800.0),
        ],
        live=[live_row()],
    )
    return msgspec.structs.replace(known, **fields)
