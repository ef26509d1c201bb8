import pytest

from edge.bench import turns
from edge.bench.worker_protocol import (
    NetworkAnswer,
    NetworkTask,
    ReferenceAnswer,
    ReferenceTask,
    Task,
    TaskFailed,
    Timing,
)
from edge.tflite import Runtime
from tests.conftest import ROOT

TASKS = [NetworkTask(ROOT / "models", Runtime.LITERT, threads, 1, 0.1) for threads in (1, 2, 3)]


class Stage:
    """Stands in for the processes; the task with three threads fails."""

    def __init__(self) -> None:
        self.done: list[int] = []
        self.references = 0

    def perform(self, task: Task, answer: type) -> object:
        timing = Timing(1.0, 1.0, 1.0, 1.0)
        if isinstance(task, ReferenceTask):
            self.references += 1
            return ReferenceAnswer(timing)
        assert isinstance(task, NetworkTask)
        self.done.append(task.threads)
        if task.threads == 3:
            raise TaskFailed("too many")
        return NetworkAnswer(1.0, 1.0, timing, 1.0)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    stage = Stage()
    monkeypatch.setattr(turns, "perform", stage.perform)
    return stage


def test_every_other_round_goes_backwards_and_what_failed_is_not_tried_again(stage: Stage) -> None:
    steps: list[int] = []
    found = turns.measure(TASKS, 3, lambda: steps.append(1))
    assert stage.done == [1, 2, 3, 2, 1, 1, 2]
    assert [len(answers) for answers in found.answers.values()] == [3, 3]
    assert found.failures == {TASKS[2]: "too many"}
    assert len(steps) == 9


def test_the_reference_is_measured_before_between_and_after(stage: Stage) -> None:
    found = turns.measure(TASKS[:1] * turns.REFERENCE_EVERY * 2, 1, lambda: None)
    assert stage.references == len(found.reference) == 3
