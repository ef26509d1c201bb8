import time

import pytest

from edge.track.cpu_budget import CostEstimate, CpuBudget


def work(seconds: float) -> None:
    """Use the processor."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def spend(budget: CpuBudget, seconds: float) -> None:
    with budget.spending():
        work(seconds)


def test_a_new_budget_allows_work_and_dear_work_uses_it_up() -> None:
    budget = CpuBudget(0.01)
    assert budget.allows
    spend(budget, 0.02)
    assert not budget.allows


def test_time_that_passes_earns_it_back() -> None:
    budget = CpuBudget(0.1)
    budget.earn(100.0)
    spend(budget, 0.12)
    assert not budget.allows
    budget.earn(100.1)
    assert not budget.allows
    budget.earn(101.0)
    assert budget.allows


def test_what_a_quiet_hour_saves_is_a_second_of_the_share() -> None:
    budget = CpuBudget(0.02)
    budget.earn(0.0)
    budget.earn(3600.0)
    spend(budget, 0.03)
    assert not budget.allows


def test_waiting_costs_nothing() -> None:
    budget = CpuBudget(0.01)
    with budget.spending():
        time.sleep(0.05)
    assert budget.allows


def test_a_clock_that_goes_back_takes_nothing_away() -> None:
    budget = CpuBudget(0.01)
    budget.earn(50.0)
    budget.earn(10.0)
    assert budget.allows


def test_work_that_fails_is_paid_too() -> None:
    budget = CpuBudget(0.01)
    try:
        with budget.spending():
            work(0.02)
            raise ValueError
    except ValueError:
        assert not budget.allows


def test_a_long_rush_is_forgotten_in_a_second() -> None:
    budget = CpuBudget(0.01)
    budget.earn(0.0)
    for _ in range(5):
        spend(budget, 0.02)
    budget.earn(1.1)
    assert budget.allows


def test_a_price_is_that_of_one_piece_and_follows_what_work_takes() -> None:
    price = CostEstimate()
    assert price.seconds is None
    with price.paid(pieces=2):
        work(0.02)
    assert price.seconds == pytest.approx(0.01, rel=0.3)
    for _ in range(30):
        with price.paid():
            work(0.002)
    assert price.seconds == pytest.approx(0.002, abs=0.002)
