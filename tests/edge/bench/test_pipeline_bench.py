from pathlib import Path

import msgspec
import pytest

from edge.bench.contest import Extent, network_entries, pass_entries
from edge.bench.rows import failures, model_rows, pipeline_rows
from edge.bench.turns import Rounds
from edge.bench.worker_protocol import NetworkAnswer, PassAnswer, PlainAnswer, PlainTask, Timing

SMALL = Extent(files=(Path("shallow-int8"), Path("shallow-float32")), threads=(1,), batches=(1, 4))


def timing(p50: float) -> Timing:
    return Timing(p50, 2 * p50, 3 * p50, p50 / 2)


def answered(p50: float) -> NetworkAnswer:
    return NetworkAnswer(load=3.0, first=1.0, call=timing(p50), memory=10.0)


def passed(fps: float, threaded: float) -> PassAnswer:
    stages = {"capture": 1.0, "detect": 2.0, "infer": 3.0, "publish": 4.0}
    return PassAnswer(fps, stages, timing(1.0), 1.0, threaded, timing(2.0), 1, 2.5, 100.0)


def test_ratios_are_taken_round_by_round_and_for_one_face() -> None:
    entries = network_entries(SMALL)
    rounds = Rounds()
    for entry in entries:
        if entry.labels["runtime"] != "litert":
            rounds.failures[entry.task] = "not installed"
            continue
        base = 2.0 if entry.labels["model"] == "shallow-float32" else 0.5
        slower = base * int(str(entry.labels["batch"]))
        # The second round is on a machine half as fast: ratios do not see it.
        rounds.answers[entry.task] = [answered(slower), answered(2 * slower)]
    rows = model_rows(entries, rounds)
    assert [row.times for row in rows] == [4.0, 4.0, 1.0, 1.0]
    assert all((row.times_low, row.times_high) == (row.times, row.times) for row in rows)
    assert {row.against for row in rows} == {"shallow-float32, litert, 1 thread, batch 1"}
    assert rows[1].per_second == pytest.approx(1000 * 4 / 3.0)
    assert failures(entries, rounds) == {"tflite-runtime": "not installed"}


def test_each_pass_makes_two_rows_compared_with_the_plain_loop(tmp_path: Path) -> None:
    extent = msgspec.structs.replace(SMALL, detectors=("emotiond", "haar"))
    entries = pass_entries(extent, tmp_path)
    assert len(entries) == 1 + 2 * 2 + 1
    rounds = Rounds()
    for entry in entries:
        plain = isinstance(entry.task, PlainTask)
        stages = {"capture": 1.0, "detect": 2.0, "infer": 3.0, "publish": 4.0}
        answer = (
            PlainAnswer(10.0, stages, timing(100.0), 1.0, 800.0) if plain else passed(500.0, 800.0)
        )
        rounds.answers[entry.task] = [answer]
    rows = pipeline_rows(entries, rounds)
    assert [row.mode for row in rows[:3]] == ["plain loop", "one thread", "threads"]
    assert [row.times for row in rows[:3]] == [1.0, 50.0, 80.0]
    assert (rows[1].detect_ms, rows[2].detect_ms) == (2.0, None)
    assert (rows[2].dropped, rows[2].cpu_ms, rows[2].p99_ms) == (1, 2.5, 6.0)
    assert rows[-1].scene == "20 faces"


def test_without_keras_the_first_pass_is_what_others_are_compared_with(tmp_path: Path) -> None:
    entries = pass_entries(msgspec.structs.replace(SMALL, detectors=("emotiond",)), tmp_path)
    rounds = Rounds(failures={entries[0].task: "no Keras"})
    for entry in entries[1:]:
        rounds.answers[entry.task] = [passed(500.0, 800.0)]
    rows = pipeline_rows(entries, rounds)
    assert rows[0].times == 1.0
    assert rows[0].against == "emotiond + shallow-int8, one face, one thread"
    assert failures(entries, rounds) == {"plain loop": "no Keras"}
