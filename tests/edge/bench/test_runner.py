import pytest

from edge.bench import runner
from edge.bench.machine_info import ReferenceRequest, ReferenceResult
from edge.bench.runner import run_interleaved
from edge.bench.worker_protocol import MeasurementFailed, Request, Timing


class Numbered(Request, frozen=True):
    """Request that is told from others by its number; the third fails."""

    number: int


class Processes:
    """Stands in for the processes."""

    def __init__(self) -> None:
        self.measured: list[int] = []
        self.references = 0

    def run(self, request: Request) -> object:
        if isinstance(request, ReferenceRequest):
            self.references += 1
            return ReferenceResult(Timing(1.0, 1.0, 1.0, 1.0))
        assert isinstance(request, Numbered)
        self.measured.append(request.number)
        if request.number == 3:
            raise MeasurementFailed("too many")
        return []


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Processes:
    processes = Processes()
    monkeypatch.setattr(runner, "run_in_subprocess", processes.run)
    return processes


def test_every_other_round_goes_backwards_and_what_failed_is_not_tried_again(
    processes: Processes,
) -> None:
    steps: list[int] = []
    requests = [Numbered(number) for number in (1, 2, 3)]
    measured = run_interleaved(requests, 3, steps.append)
    assert processes.measured == [1, 2, 3, 2, 1, 1, 2]
    assert [len(results) for results in measured.results.values()] == [3, 3]
    assert measured.failures == {Numbered(3): "too many"}
    assert steps == list(range(1, 10))


def test_the_reference_is_measured_before_between_and_after(processes: Processes) -> None:
    measured = run_interleaved([Numbered(1)] * 16, 1, lambda _: None)
    assert processes.references == len(measured.reference) == 3
