import os
import random
import signal

import pytest

from tools.fuzz.mutation import mutate
from tools.fuzz.sandbox import run_case


def test_a_case_that_is_taken_or_refused_as_expected_is_no_problem() -> None:
    assert run_case(lambda: None, ()).problem == ""
    assert run_case(lambda: int("x"), (ValueError,)).problem == ""


def test_an_unexpected_exception_is_a_traceback_with_its_text() -> None:
    verdict = run_case(lambda: dict[str, int]()["missing"], (ValueError,))
    assert verdict.problem == "traceback"
    assert "KeyError: 'missing'" in verdict.detail


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT])
def test_a_child_that_is_killed_is_told_by_its_signal(number: signal.Signals) -> None:
    verdict = run_case(lambda: os.kill(os.getpid(), number), (Exception,))
    assert verdict.problem == f"signal {number.value}"


def test_a_case_that_takes_hundreds_of_megabytes_is_told() -> None:
    verdict = run_case(lambda: b"x" * 700_000_000, ())
    assert verdict.problem == "too much memory"


def test_a_seed_repeats_its_cases_and_each_case_differs() -> None:
    first, second = (
        [mutate([b"some: yaml\n", b"GET / HTTP/1.1\r\n"], rng) for _ in range(50)]
        for rng in (random.Random(7), random.Random(7))
    )
    assert first == second
    assert len(set(first)) > 40
