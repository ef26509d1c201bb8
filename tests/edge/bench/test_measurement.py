import os
import sys
from pathlib import Path

import msgspec
import pytest

from edge.bench.measurement import (
    MeasurementFailed,
    ReferenceRequest,
    Request,
    repeat,
    run_in_subprocess,
    summarize,
)
from edge.bench.model_bench import ModelRequest
from edge.bench.pipeline_bench import PipelineRequest
from edge.commands.demo import CLIP
from edge.tflite import Runtime
from tests.conftest import ROOT

MODEL = ROOT / "models/tiny-int8.tflite"
PIPELINE = PipelineRequest("haar", (("kind", "haar"),), MODEL, "one face", CLIP, 30)


class Echo(Request, frozen=True):
    """Request that is answered with its own path, by a process that prints meanwhile."""

    path: Path

    def measure(self) -> Path:
        sys.stdout.write("a library greets\n")
        os.write(1, b"so does one written in C\n")
        return self.path


def test_a_request_reaches_its_process_as_it_was_and_what_is_printed_there_does_no_harm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)  # where the process finds this module
    assert run_in_subprocess(Echo(Path("a/b.tflite"))) == Path("a/b.tflite")


def test_a_network_is_loaded_and_timed() -> None:
    (row,) = run_in_subprocess(ModelRequest(MODEL, Runtime.LITERT, 0.02))
    assert 0 < row.min_ms <= row.p50_ms <= row.p95_ms
    assert row.load_ms > 0
    assert 1 < row.memory_mb < 100


def test_the_reference_is_timed() -> None:
    assert run_in_subprocess(ReferenceRequest()).p50 > 0


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (ModelRequest(CLIP, Runtime.LITERT, 0.1), "is not a model"),
        (msgspec.structs.replace(PIPELINE, settings=(("kind", "yunet"), ("model", "no"))), "yunet"),
    ],
)
def test_what_cannot_be_measured_says_why_in_one_line(request_: Request, why: str) -> None:
    with pytest.raises(MeasurementFailed, match=why) as failed:
        run_in_subprocess(request_)
    assert "\n" not in str(failed.value)


def test_durations_are_summarized_as_percentiles_in_milliseconds() -> None:
    timing = summarize([0.001 * number for number in range(1, 101)])
    assert (timing.p50, timing.p95, timing.p99, timing.fastest) == (50.5, 95.05, 99.01, 1.0)


def test_what_is_slow_is_repeated_a_few_times_all_the_same() -> None:
    calls: list[int] = []
    repeat(lambda: calls.append(1), 0.0)
    assert len(calls) == 10 + 10  # a warm-up and what is timed
