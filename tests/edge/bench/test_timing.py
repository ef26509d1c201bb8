from edge.bench.timing import FEWEST, repeat, timing


def test_durations_come_to_percentiles_in_milliseconds() -> None:
    told = timing([0.001 * number for number in range(1, 101)])
    assert (told.p50, told.p95, told.p99, told.fastest) == (50.5, 95.05, 99.01, 1.0)


def test_what_is_slow_is_repeated_a_few_times_all_the_same() -> None:
    calls: list[int] = []
    repeat(lambda: calls.append(1), 0.0)
    assert len(calls) == 2 * FEWEST
