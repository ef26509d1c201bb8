"""Contenders measured in turns, so that what changes on a machine changes for all of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

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
    perform,
)

ANSWERS: Mapping[type, type[msgspec.Struct]] = {
    NetworkTask: NetworkAnswer,
    PassTask: PassAnswer,
    PlainTask: PlainAnswer,
    ReferenceTask: ReferenceAnswer,
}

REFERENCE_EVERY = 8
"""Tasks between two looks at how fast the machine is."""


@dataclass
class Rounds:
    """What came of it.

    Attributes:
        answers: of each task that could be done, one a round.
        failures: why the others could not.
        reference: milliseconds of the reference computation, in the order of time.
    """

    answers: dict[Task, list[Any]] = field(default_factory=dict)
    failures: dict[Task, str] = field(default_factory=dict)
    reference: list[float] = field(default_factory=list)


def measure(tasks: Sequence[Task], rounds: int, done: Callable[[], object]) -> Rounds:
    """Do every task once a round, each in a process of its own.

    Every other round goes backwards, so that what comes late in one comes early in the next: a
    machine that slowly grows hot favours nobody. What fails once is not tried again.

    Args:
        tasks: what is done.
        rounds: how often.
        done: called after each task.
    """
    found = Rounds()
    for number in range(rounds):
        order = tasks if number % 2 == 0 else tasks[::-1]
        for place, task in enumerate(order):
            if place % REFERENCE_EVERY == 0:
                found.reference.append(_reference())
            if task not in found.failures:
                _try(task, found)
            done()
    found.reference.append(_reference())
    return found


def _try(task: Task, found: Rounds) -> None:
    try:
        answer = perform(task, ANSWERS[type(task)])
    except TaskFailed as error:
        found.failures[task] = str(error)
        found.answers.pop(task, None)
    else:
        found.answers.setdefault(task, []).append(answer)


def _reference() -> float:
    return perform(ReferenceTask(), ReferenceAnswer).call.p50
