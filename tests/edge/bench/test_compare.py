import pytest

from edge.bench.compare import change_lines, choose, compare, too_slow
from tests.edge.bench.results import machine, model_row, pipeline_row, result


def test_what_became_slower_comes_first_and_beyond_the_limit() -> None:
    new = result(models=[model_row("shallow-float32", 1.4, 1.0), model_row("shallow-int8", 0.7, 2)])
    changes = compare(new, result())
    assert changes[0].name.startswith("shallow-int8")
    assert changes[0].fair == pytest.approx(2.0)
    assert [change.fair for change in changes[1:]] == pytest.approx([1.0] * 4)
    assert too_slow(changes, 1.25) == changes[:1]
    assert "TOO SLOW" in change_lines(changes, 1.25)[0]


def test_a_machine_that_is_slower_by_its_reference_is_forgiven() -> None:
    new = result(machine=machine(reference_ms=20.0), models=[model_row("shallow-int8", 0.7, 1.0)])
    (change, *_) = [one for one in compare(new, result()) if "int8, litert" in one.name]
    assert (change.plain, change.fair) == pytest.approx((2.0, 1.0))


def test_fewer_frames_a_second_are_slower_and_rows_that_one_lacks_are_left_out() -> None:
    new = result(models=[], live=[], pipeline=[pipeline_row("threads", 400.0)])
    (change,) = compare(new, result())
    assert change.plain == pytest.approx(2.0)


def test_results_of_cpus_with_other_features_are_not_compared() -> None:
    plain, fast = (result(machine=machine(features=names)) for names in (("avx2",), ("vnni",)))
    assert choose(plain, [fast, plain]) is plain
    assert choose(plain, [fast]) is None
