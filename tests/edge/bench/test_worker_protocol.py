from pathlib import Path

import msgspec
import pytest

from edge.bench.worker_protocol import (
    NetworkAnswer,
    NetworkTask,
    PassAnswer,
    PassTask,
    PlainAnswer,
    PlainTask,
    ReferenceAnswer,
    ReferenceTask,
    Task,
    TaskFailed,
    decode_task,
    perform,
)
from edge.commands.demo_run import CLIP
from edge.tflite import Runtime
from tests.conftest import ROOT

MODEL = ROOT / "models/tiny-int8.tflite"
PASS = PassTask((("kind", "emotiond"),), MODEL, CLIP, frames=30, fps=60.0, seconds=0.5)


@pytest.mark.parametrize(
    "task",
    [
        NetworkTask(MODEL, Runtime.LITERT, 1, 8, 0.5),
        PASS,
        PlainTask(CLIP, 20),
        ReferenceTask(),
    ],
)
def test_a_task_reaches_its_process_as_it_was(task: Task) -> None:
    assert decode_task(msgspec.json.encode(task, enc_hook=str)) == task


def test_a_network_is_loaded_and_timed() -> None:
    answer = perform(NetworkTask(MODEL, Runtime.LITERT, 1, 2, 0.02), NetworkAnswer)
    assert 0 < answer.call.fastest <= answer.call.p50 <= answer.call.p95
    assert answer.load > 0
    assert 1 < answer.memory < 100


def test_a_film_passes_every_stage_in_turn_and_as_threads() -> None:
    answer = perform(PASS, PassAnswer)
    assert list(answer.stages) == ["capture", "detect", "infer", "publish"]
    assert sum(answer.stages.values()) == pytest.approx(1000 / answer.fps)
    assert answer.faces > 0.5
    assert answer.threaded_fps > 0
    assert 0 < answer.latency.p50 <= answer.latency.p99
    assert answer.cpu > 0


def test_the_plain_loop_finds_faces_too() -> None:
    answer = perform(PlainTask(CLIP, 5), PlainAnswer)
    assert answer.faces == pytest.approx(1.0, abs=0.5)
    assert sum(answer.stages.values()) == pytest.approx(1000 / answer.fps)


def test_the_reference_is_timed() -> None:
    assert perform(ReferenceTask(), ReferenceAnswer).call.p50 > 0


@pytest.mark.parametrize(
    ("task", "why"),
    [
        (NetworkTask(CLIP, Runtime.LITERT, 1, 1, 0.1), "is not a model"),
        (NetworkTask(Path("no.keras"), None, 1, 1, 0.1), "no.keras"),
        (msgspec.structs.replace(PASS, detector=(("kind", "yunet"), ("model", "no"))), "yunet"),
    ],
)
def test_a_contender_that_cannot_take_part_says_why_in_one_line(task: Task, why: str) -> None:
    with pytest.raises(TaskFailed, match=why) as failed:
        perform(task, NetworkAnswer)
    assert "\n" not in str(failed.value)
