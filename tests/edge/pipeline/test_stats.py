import time

import pytest

from edge.pipeline.stats import PipelineStats
from edge.types import CameraState, Stats, TrackedFrame
from tests.edge.view.scenes import expression
from tests.events import event, frame


def stats(tally: PipelineStats, detections: int = 0, refused: int = 0) -> Stats:
    return tally.stats(CameraState.ONLINE, {"frames": 2}, detections, refused)


def test_it_counts_frames_faces_and_events() -> None:
    tally = PipelineStats()
    tally.start()
    seen, unseen = (expression(seen=one).track for one in (True, False))
    for _ in range(3):
        tally.count_frame()
    tally.count_analysed(TrackedFrame(frame(captured=time.monotonic()), (seen, unseen)))
    tally.count_event(event())
    told = stats(tally)
    assert (told.frames, told.faces, told.events, tally.analysed) == (3, 1, 1, 1)
    assert told.dropped == {"frames": 2}
    assert told.camera is CameraState.ONLINE


def test_what_parts_that_left_had_counted_is_still_counted() -> None:
    tally = PipelineStats()
    tally.keep(detections=5, refused=1)
    tally.keep(detections=2)
    told = stats(tally, detections=10, refused=3)
    assert (told.detections, told.refused) == (17, 4)


def test_it_times_frames_and_events_from_their_capture() -> None:
    tally = PipelineStats()
    assert stats(tally).frame_latency is None
    tally.count_analysed(TrackedFrame(frame(captured=time.monotonic() - 0.25), ()))
    tally.count_event(event(latency=0.5))
    told = stats(tally)
    assert told.frame_latency is not None
    assert told.frame_latency[0] >= 0.25
    assert told.event_latency == pytest.approx((0.5, 0.5))


def test_rates_are_those_of_the_end_once_it_has_come() -> None:
    tally = PipelineStats()
    tally.start()
    for _ in range(5):
        tally.count_frame()
    tally.end()
    first = stats(tally).fps_in
    assert first > 0
    assert stats(tally).fps_in == first
