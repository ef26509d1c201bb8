import pytest

from edge.bench import measurement
from edge.bench.measurement import (
    MeasurementFailed,
    Request,
    Timing,
    run_interleaved,
    time_reference,
)
from edge.bench.model_bench import ModelRow
from edge.bench.report import aggregate
from tests.edge.bench.results import model_row, pipeline_row


def numbered(number: int) -> Request:
    """Request that is told from others by its number; the third fails."""
    return Request(f"number {number}", int, (number,))


class Processes:
    """Stands in for the processes."""

    def __init__(self) -> None:
        self.measured: list[int] = []
        self.references = 0

    def run(self, request: Request) -> object:
        if request.function is time_reference:
            self.references += 1
            return Timing(1.0, 1.0, 1.0, 1.0)
        (number,) = request.arguments
        self.measured.append(number)
        if number == 3:
            raise MeasurementFailed("too many")
        return []


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Processes:
    processes = Processes()
    monkeypatch.setattr(measurement, "run_in_subprocess", processes.run)
    return processes


def test_every_other_round_goes_backwards_and_what_failed_is_not_tried_again(
    processes: Processes,
) -> None:
    steps: list[None] = []
    requests = [numbered(number) for number in (1, 2, 3)]
    measured = run_interleaved(requests, 3, lambda: steps.append(None))
    assert processes.measured == [1, 2, 3, 2, 1, 1, 2]
    assert [len(results) for results in measured.results] == [3, 3, 0]
    assert measured.failures == {"number 3": "too many"}
    assert len(steps) == 9


def test_the_reference_is_measured_before_between_and_after(processes: Processes) -> None:
    measured = run_interleaved([numbered(1)] * 16, 1)
    assert processes.references == len(measured.reference) == 3


def test_ratios_are_taken_round_by_round() -> None:
    # The second round is on a machine half as fast: ratios do not see it.
    slow = [[model_row("shallow-float32", 2.0, rounds=1)], [model_row("shallow-float32", 4.0)]]
    fast = [[model_row("shallow-int8", 0.5, rounds=1)], [model_row("shallow-int8", 1.0)]]
    rows = aggregate([fast, slow], "shallow-float32, litert")
    assert [row.times for row in rows] == [4.0, 1.0]
    assert all(row.times_low == row.times_high == row.times for row in rows)
    assert {row.against for row in rows} == {"shallow-float32, litert"}


def test_times_are_medians_minima_are_the_least_and_counts_are_added() -> None:
    rounds = [[model_row("mine", p50, rounds=1)] for p50 in (1.0, 2.0, 4.0)]
    (row,) = aggregate([rounds])
    assert (row.p50_ms, row.min_ms, row.rounds) == (2.0, 0.9, 3)


def test_a_pipeline_is_compared_with_its_first_row_by_frames_a_second() -> None:
    rows = aggregate([[[pipeline_row("one thread", 500.0), pipeline_row("threads", 800.0)]]])
    assert [(row.mode, row.times) for row in rows] == [("one thread", 1.0), ("threads", 1.6)]
    assert rows[1].against == "builtin + shallow-int8, one face, one thread"


def test_of_nothing_that_was_measured_there_is_no_row() -> None:
    nothing: list[list[list[ModelRow]]] = []
    assert aggregate(nothing) == []
