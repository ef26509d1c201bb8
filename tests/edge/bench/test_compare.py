import pytest

from edge.bench.compare import aggregate, compare, find_comparable, format_change
from edge.bench.machine_info import ReferenceRequest
from edge.bench.worker_protocol import Request
from tests.edge.bench.results import machine, model_row, pipeline_row, result


class Other(Request, frozen=True):
    """Another key than the reference's."""


def test_ratios_are_taken_round_by_round() -> None:
    # The second round is on a machine half as fast: ratios do not see it.
    slow = [[model_row("shallow-float32", 2.0, rounds=1)], [model_row("shallow-float32", 4.0)]]
    fast = [[model_row("shallow-int8", 0.5, rounds=1)], [model_row("shallow-int8", 1.0)]]
    rows = aggregate({Other(): fast, ReferenceRequest(): slow}, "shallow-float32")
    assert [row.times for row in rows] == [4.0, 1.0]
    assert all(row.times_low == row.times_high == row.times for row in rows)
    assert {row.against for row in rows} == {"shallow-float32, litert"}


def test_times_are_medians_minima_are_the_least_and_counts_are_added() -> None:
    rounds = [[model_row("mine", p50, rounds=1)] for p50 in (1.0, 2.0, 4.0)]
    (row,) = aggregate({Other(): rounds})
    assert (row.p50_ms, row.min_ms, row.rounds) == (2.0, 0.9, 3)
    dropping = [[pipeline_row("threads", 800.0, dropped=count)] for count in (1, 2)]
    assert aggregate({Other(): dropping})[0].dropped == 3


def test_a_pipeline_is_compared_with_its_first_row_by_frames_a_second() -> None:
    rows = aggregate(
        {Other(): [[pipeline_row("one thread", 500.0), pipeline_row("threads", 800.0)]]}
    )
    assert [(row.mode, row.times) for row in rows] == [("one thread", 1.0), ("threads", 1.6)]
    assert rows[1].against == "emotiond + shallow-int8, one face, one thread"
    assert rows[0].dropped is None


def test_of_nothing_that_was_measured_there_is_no_row() -> None:
    assert aggregate({}) == []


def test_what_became_slower_comes_first_and_beyond_the_limit() -> None:
    new = result(models=[model_row("shallow-float32", 1.4), model_row("shallow-int8", 0.7)])
    changes = compare(new, result())
    assert changes[0].name.startswith("shallow-int8")
    assert changes[0].normalized == pytest.approx(2.0)
    assert [change.normalized for change in changes[1:]] == pytest.approx([1.0] * 4)
    assert "TOO SLOW" in format_change(changes[0], 1.25)
    assert "TOO SLOW" not in format_change(changes[1], 1.25)


def test_a_machine_that_is_slower_by_its_reference_is_forgiven() -> None:
    new = result(machine=machine(reference_ms=20.0), models=[model_row("shallow-int8", 0.7)])
    (change,) = [one for one in compare(new, result()) if "int8, litert" in one.name]
    assert (change.measured, change.normalized) == pytest.approx((2.0, 1.0))


def test_fewer_frames_a_second_are_slower_and_rows_that_one_lacks_are_left_out() -> None:
    new = result(models=[], live=[], pipeline=[pipeline_row("threads", 400.0)])
    (change,) = compare(new, result())
    assert change.measured == pytest.approx(2.0)


def test_results_of_cpus_with_other_features_are_not_compared() -> None:
    plain, fast = (result(machine=machine(features=names)) for names in (("avx2",), ("vnni",)))
    assert find_comparable(plain, [fast, plain]) is plain
    assert find_comparable(plain, [fast]) is None
