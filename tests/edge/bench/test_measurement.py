import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.bench.measurement import (
    MeasurementFailed,
    Request,
    repeat,
    run_in_subprocess,
    summarize,
    time_reference,
)
from edge.bench.model_bench import measure_model
from edge.bench.pipeline_bench import measure_pipeline
from edge.commands.demo import CLIP
from edge.tflite import Runtime
from tests.conftest import ROOT

MODEL = ROOT / "models/tiny-int8.tflite"


def echo(path: Path) -> Path:
    """Return a path, and print meanwhile."""
    sys.stdout.write("a library greets\n")
    os.write(1, b"so does one written in C\n")
    return path


def test_a_request_reaches_its_process_as_it_was_and_what_is_printed_there_does_no_harm(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert run_in_subprocess(Request("echo", echo, (Path("a/b.tflite"),))) == Path("a/b.tflite")
    assert capfd.readouterr() == ("", "")


def test_a_process_that_is_killed_could_not_be_measured() -> None:
    with pytest.raises(MeasurementFailed, match="its process was ended"):
        run_in_subprocess(Request("crash", os.abort))


def test_a_network_is_loaded_and_timed() -> None:
    (row,) = run_in_subprocess(Request("model", measure_model, (MODEL, Runtime.LITERT, 0.02)))
    assert 0 < row.min_ms <= row.p50_ms <= row.p95_ms
    assert row.load_ms > 0
    assert 1 < row.memory_mb < 100


def test_the_reference_is_timed() -> None:
    assert run_in_subprocess(Request("reference", time_reference)).p50 > 0


@pytest.mark.parametrize(
    ("function", "arguments", "why"),
    [
        (measure_model, (CLIP, Runtime.LITERT, 0.1), "is not a model"),
        (measure_pipeline, ("haar", Path("no.tflite"), "one face", CLIP, 30), "no.tflite"),
    ],
)
def test_what_cannot_be_measured_says_why_in_one_line(
    function: Callable[..., Any], arguments: tuple[Any, ...], why: str
) -> None:
    with pytest.raises(MeasurementFailed, match=why) as failed:
        run_in_subprocess(Request("it", function, arguments))
    assert "\n" not in str(failed.value)


def test_durations_are_summarized_as_percentiles_in_milliseconds() -> None:
    timing = summarize([0.001 * number for number in range(1, 101)])
    assert (timing.p50, timing.p95, timing.p99, timing.fastest) == (50.5, 95.05, 99.01, 1.0)


def test_what_is_slow_is_repeated_a_few_times_all_the_same() -> None:
    calls: list[int] = []
    repeat(lambda: calls.append(1), 0.0)
    assert len(calls) == 10 + 10  # a warm-up and what is timed
