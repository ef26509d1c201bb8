import threading
import time
from pathlib import Path

import pytest

from edge.metrics import Metrics, PipelineStats, SystemStats
from edge.types import CameraState, Stats, TrackedFrame
from tests.edge.view.scenes import expression
from tests.events import event, frame


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
    assert metrics.percentiles("latency") is None
    for value in [1000.0] * 10 + [float(number % 101) for number in range(1024)]:
        metrics.observe("latency", value)
    found = metrics.percentiles("latency")
    assert found is not None
    assert 45 <= found[0] <= 55
    assert 90 <= found[1] <= 100


def zone(folder: Path, number: int, text: str) -> None:
    (folder / f"thermal_zone{number}").mkdir()
    (folder / f"thermal_zone{number}" / "temp").write_text(text)


@pytest.mark.parametrize(
    ("zones", "temperature"),
    [
        ([], None),
        (["48312\n"], 48.3),
        (["41000\n", "61500\n"], 61.5),
        (["-274000\n", "45000\n"], 45.0),
        (["200000\n", "nonsense"], None),
    ],
)
def test_the_temperature_is_that_of_the_hottest_sensor_that_is_there(
    tmp_path: Path, zones: list[str], temperature: float | None
) -> None:
    for number, text in enumerate(zones):
        zone(tmp_path, number, text)
    machine = SystemStats(tmp_path)
    assert machine.sample().temperature == temperature
    assert machine.has_temperature == (temperature is not None)


def test_memory_is_what_the_process_holds() -> None:
    memory = SystemStats().sample().memory
    assert memory is not None
    assert 10_000_000 < memory < 100_000_000_000


def test_processor_time_is_told_as_a_share_of_one_core() -> None:
    machine = SystemStats()
    assert machine.sample().cpu == 0.0  # nobody waited yet
    started = time.monotonic()
    while time.monotonic() - started < 1.05:
        pass
    assert machine.sample().cpu > 0.1


def stats(counters: PipelineStats, detections: int = 0, rejected: int = 0) -> Stats:
    return counters.stats(CameraState.ONLINE, {"frames": 2}, detections, rejected)


def test_it_counts_frames_faces_and_events() -> None:
    counters = PipelineStats()
    counters.started = time.monotonic()
    seen, unseen = (expression(seen=one).track for one in (True, False))
    for _ in range(3):
        counters.mark("frames")
    counters.count_analyzed(TrackedFrame(frame(captured=time.monotonic()), (seen, unseen)))
    counters.count_event(event())
    told = stats(counters)
    assert (told.frames, told.faces, told.events, counters.total("analyzed")) == (3, 1, 1, 1)
    assert told.dropped == {"frames": 2}
    assert told.camera is CameraState.ONLINE


def test_what_components_that_left_had_counted_is_still_counted() -> None:
    counters = PipelineStats()
    counters.count("detections", 5)
    counters.count("rejected", 1)
    counters.count("detections", 2)
    told = stats(counters, detections=10, rejected=3)
    assert (told.detections, told.rejected_faces) == (17, 4)


def test_it_times_frames_and_events_from_their_capture() -> None:
    counters = PipelineStats()
    assert stats(counters).frame_latency is None
    counters.count_analyzed(TrackedFrame(frame(captured=time.monotonic() - 0.25), ()))
    counters.count_event(event(latency=0.5))
    told = stats(counters)
    assert told.frame_latency is not None
    assert told.frame_latency[0] >= 0.25
    assert told.event_latency == pytest.approx((0.5, 0.5))


def test_rates_are_those_of_the_end_once_it_has_come() -> None:
    counters = PipelineStats()
    counters.started = time.monotonic()
    for _ in range(5):
        counters.mark("frames")
    counters.ended = time.monotonic()
    first = stats(counters).fps_in
    assert first > 0
    assert stats(counters).fps_in == first
