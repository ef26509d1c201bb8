import threading

from edge.metrics import WINDOW, Metrics


def test_counts_from_several_threads_add_up() -> None:
    metrics = Metrics()

    def count() -> None:
        for _ in range(500):
            metrics.count("faces", 2)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert metrics.total("faces") == 4000


def test_a_rate_is_marks_a_second_and_zero_before_two_marks() -> None:
    metrics = Metrics()
    assert metrics.rate("frames") == 0.0
    metrics.mark("frames")
    assert metrics.rate("frames") == 0.0
    metrics.mark("frames")
    assert metrics.rate("frames") > 0.0
    assert metrics.total("frames") == 2


def test_percentiles_are_taken_over_the_latest_values() -> None:
    metrics = Metrics()
    assert metrics.percentile("latency", 50) is None
    for value in [1000.0] * 10 + [float(number % 101) for number in range(WINDOW)]:
        metrics.observe("latency", value)
    assert metrics.percentile("latency", 100) == 100.0
    median = metrics.percentile("latency", 50)
    assert median is not None
    assert 45 <= median <= 55
