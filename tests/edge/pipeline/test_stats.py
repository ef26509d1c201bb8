import time

import pytest

from edge.metrics import PipelineStats
from edge.types import CameraState, Stats, TrackedFrame
from tests.edge.view.scenes import expression
from tests.events import event, frame


def stats(counters: PipelineStats, detections: int = 0, rejected: int = 0) -> Stats:
    return counters.stats(CameraState.ONLINE, {"frames": 2}, detections, rejected)


def test_it_counts_frames_faces_and_events() -> None:
    counters = PipelineStats()
    counters.start()
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
    counters.start()
    for _ in range(5):
        counters.mark("frames")
    counters.end()
    first = stats(counters).fps_in
    assert first > 0
    assert stats(counters).fps_in == first
