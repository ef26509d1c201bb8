import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from edge.detect import open_detector
from edge.detect.haar import HaarSettings
from edge.geometry import Box
from edge.pipeline import pipeline as module
from edge.pipeline.build import PipelineComponents
from edge.pipeline.pipeline import Pipeline
from edge.track.scheduler import SchedulerSettings
from edge.types import CameraState, Face, Image
from tests.brokers import wait_until
from tests.edge.cameras import FakeCamera, KeepingSink
from tests.edge.pipelines import Slow, build, processing_with, run


class Broken(Slow):
    """A detector that fails."""

    def detect(self, image: Image, near: Sequence[Box] = ()) -> list[Face]:
        raise RuntimeError("the detector is broken")


def test_a_file_loses_nothing_however_slow_the_stages(clip: list[Image]) -> None:
    sink, camera, detector = KeepingSink(), FakeCamera(clip[:10] * 3), Slow(0.005)
    pipeline = build(camera, sink, detector=detector)
    run(pipeline)
    assert detector.calls == 30
    stats = pipeline.stats()
    assert stats.frames == 30
    assert set(stats.dropped.values()) == {0}
    assert stats.frame_latency is not None
    assert sink.closed
    assert camera.closed


def test_a_live_source_drops_what_is_late_and_every_frame_is_accounted_for(
    clip: list[Image],
) -> None:
    camera = FakeCamera(clip[:10] * 20, wait=lambda: time.sleep(0.005))
    pipeline = build(camera, KeepingSink(), live=True, detector=Slow(0.05))
    run(pipeline)
    stats = pipeline.stats()
    assert stats.frames == 200
    assert stats.dropped["frames"] > 0
    assert stats.detections == 200 - stats.dropped["frames"]


def test_each_face_starts_and_ends_with_names_and_latency(clip: list[Image]) -> None:
    sink = KeepingSink()
    pipeline = build(FakeCamera([clip[4]] * 10), sink)
    run(pipeline)
    assert [event.type.value for event in sink.events] == ["start", "end"]
    start = sink.events[0]
    assert (start.model, start.detector, start.emotion) == ("shallow-int8", "haar", "happy")
    assert start.latency > 0
    assert pipeline.stats().events == 2
    assert pipeline.stats().faces == 9


def test_a_file_gives_the_same_events_in_every_run(clip: list[Image]) -> None:
    def images() -> list[Image]:
        return [np.roll(image, 2 * step, axis=1) for image in clip for step in range(8)]

    def events() -> list[tuple[str, int, str, dict[str, float] | None, float]]:
        sink = KeepingSink()
        run(build(FakeCamera(images(), fps=25.0), sink, settings=SchedulerSettings()))
        return [
            (event.type.value, event.track_id, event.emotion, event.probabilities, event.duration)
            for event in sink.events
        ]

    assert events() == events() != []


def test_stills_are_told_at_once_and_do_not_continue_each_other(clip: list[Image]) -> None:
    sink = KeepingSink()
    run(build(FakeCamera([clip[4], clip[4]], still=True), sink))
    assert [(event.type.value, event.track_id) for event in sink.events] == [
        ("start", 1),
        ("end", 1),
        ("start", 2),
        ("end", 2),
    ]


def test_an_input_that_cannot_be_read_is_counted_and_the_rest_goes_on(clip: list[Image]) -> None:
    sink = KeepingSink()
    pipeline = build(FakeCamera([None, clip[4]], still=True), sink)
    run(pipeline)
    assert pipeline.failed_inputs == 1
    assert len(sink.events) == 2
    assert pipeline.error is None


def test_stopping_ends_every_track_and_closes_the_sinks(clip: list[Image]) -> None:
    sink = KeepingSink()
    camera = FakeCamera([clip[4]] * 100_000, wait=lambda: time.sleep(0.01))
    pipeline = build(camera, sink, live=True)
    pipeline.start()
    wait_until(lambda: sink.events)
    assert pipeline.stop()
    assert sink.events[-1].type.value == "end"
    assert sink.closed
    assert not pipeline.running


def test_a_failed_stage_is_kept_and_the_others_can_be_let_go(clip: list[Image]) -> None:
    sink = KeepingSink()
    pipeline = build(FakeCamera(clip[:10]), sink, detector=Broken(0))
    pipeline.start()
    wait_until(lambda: pipeline.error)
    assert str(pipeline.error) == "the detector is broken"
    assert pipeline.stop()
    assert sink.closed


def test_a_failed_stage_lets_a_waiting_writer_go(clip: list[Image]) -> None:
    sink = KeepingSink()
    pipeline = build(FakeCamera(clip[:10] * 50), sink, detector=Broken(0))
    run(pipeline)
    assert pipeline.stop()
    assert sink.closed


def test_a_sink_that_fails_to_close_does_not_keep_the_others_open(clip: list[Image]) -> None:
    class Stubborn(KeepingSink):
        def close(self, timeout: float = 0.0) -> None:
            raise RuntimeError("will not close")

    sink = KeepingSink()
    pipeline = build(FakeCamera(clip[:2]), Stubborn(), sink)
    run(pipeline)
    assert sink.closed
    assert str(pipeline.error) == "will not close"


def test_a_face_ends_when_its_live_source_goes_silent(clip: list[Image]) -> None:
    silence = threading.Event()
    frames = iter(range(1000))

    def wait() -> None:
        if next(frames) < 20:
            time.sleep(0.05)
        else:
            silence.wait(20)

    sink = KeepingSink()
    camera = FakeCamera([clip[4]] * 25, wait=wait, clock=time.monotonic)
    pipeline = build(camera, sink, live=True)
    pipeline.start()
    wait_until(lambda: [event.type.value for event in sink.events] == ["start", "end"])
    silence.set()
    assert pipeline.stop()


def test_a_track_that_ended_while_its_frame_was_on_the_way_does_not_start_again(
    clip: list[Image],
) -> None:
    hold, release = threading.Event(), threading.Event()
    faces = open_detector(HaarSettings()).detect(clip[4])

    class Holding(Slow):
        """A detector that holds a frame, once it is asked to, until it is released."""

        def detect(self, image: Image, near: Sequence[Box] = ()) -> list[Face]:
            time.sleep(0.05)  # in which the frame before is analyzed
            if hold.is_set():
                release.wait(20)
            return faces

    sink = KeepingSink()
    pipeline = build(Slideshow(clip[4]), sink, live=True, detector=Holding(0.0))
    pipeline.start()
    wait_until(lambda: sink.events)
    hold.set()
    wait_until(lambda: [event.type.value for event in sink.events] == ["start", "end"])
    release.set()
    wait_until(lambda: len(sink.events) > 2)
    assert pipeline.stop()
    starts = [event.track_id for event in sink.events if event.type.value == "start"]
    assert starts == [1, 2]


def test_a_source_that_hangs_is_left_behind_and_everything_else_ends(
    clip: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SOURCE_TIMEOUT", 0.5)
    hangs, release = threading.Event(), threading.Event()
    frames = iter(range(1000))

    def wait() -> None:
        if next(frames) >= 10:
            hangs.set()
            release.wait(60)

    sink = KeepingSink()
    pipeline = build(FakeCamera([clip[4]] * 25, wait=wait), sink)
    pipeline.start()
    wait_until(hangs.is_set)
    assert not pipeline.stop()
    assert [event.type.value for event in sink.events] == ["start", "end"]
    assert sink.closed
    release.set()


def test_a_stage_that_hangs_is_named(clip: list[Image], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STALL_TIMEOUT", 1.0)
    release = threading.Event()
    pipeline = build(FakeCamera(clip[:2], wait=release.wait), KeepingSink())
    pipeline.start()
    assert pipeline.stalled() == []
    wait_until(lambda: pipeline.stalled() == ["capture"])
    release.set()
    assert pipeline.stop()


class Slideshow(FakeCamera):
    """A live camera that shows one picture for as long as it is wanted, and notes when it is let go."""

    def __init__(self, image: Image) -> None:
        super().__init__([image] * 100_000, wait=lambda: time.sleep(0.01), clock=time.monotonic)


@pytest.fixture
def watching(clip: list[Image]) -> Iterator[tuple[Pipeline, Slideshow, KeepingSink]]:
    """A pipeline that has found a face."""
    sink, camera = KeepingSink(), Slideshow(clip[4])
    pipeline = build(camera, sink, live=True)
    pipeline.start()
    wait_until(lambda: sink.events)
    yield pipeline, camera, sink
    assert pipeline.stop()


def test_a_pause_lets_the_camera_go_and_ends_every_face(
    watching: tuple[Pipeline, Slideshow, KeepingSink],
) -> None:
    pipeline, camera, sink = watching
    pipeline.source.pause(None)
    wait_until(lambda: camera.closed)
    wait_until(lambda: [event.type.value for event in sink.events] == ["start", "end"])
    assert pipeline.status().camera is CameraState.PAUSED
    seen = pipeline.stats().frames
    time.sleep(0.2)
    assert pipeline.stats().frames <= seen + 1
    pipeline.source.resume()
    wait_until(lambda: len(sink.events) == 3)
    assert sink.events[-1].type.value == "start"


def test_a_film_that_is_paused_goes_on_where_it_was(clip: list[Image]) -> None:
    sink = KeepingSink()
    pipeline = build(FakeCamera([clip[4]] * 50, wait=lambda: time.sleep(0.005)), sink)
    pipeline.source.pause(None)
    pipeline.start()
    time.sleep(0.3)
    assert pipeline.stats().frames == 0
    pipeline.source.resume()
    wait_until(lambda: not pipeline.running)
    assert pipeline.stats().frames == 50
    assert [event.type.value for event in sink.events] == ["start", "end"]


def test_sinks_are_told_how_everything_is_set_before_they_start_and_when_it_changes(
    watching: tuple[Pipeline, Slideshow, KeepingSink],
) -> None:
    pipeline, _, sink = watching
    pipeline.publish_snapshot()
    wait_until(lambda: sink.snapshots)
    assert [status.camera for status in sink.statuses] == [CameraState.ONLINE]
    assert sink.statuses[0].model == "shallow-int8"
    assert "happy" in sink.statuses[0].labels
    pipeline.source.pause(None)
    for _ in range(2):
        pipeline.publish_snapshot()
        wait_until(lambda: len(sink.statuses) > 1)
    assert [status.camera for status in sink.statuses[1:]] == [CameraState.PAUSED]


def test_sinks_see_what_is_seen_now_and_nothing_twice(
    watching: tuple[Pipeline, Slideshow, KeepingSink],
) -> None:
    pipeline, _, sink = watching
    pipeline.publish_snapshot()
    wait_until(lambda: sink.snapshots)
    (snapshot,) = sink.snapshots
    assert [face.emotion for face in snapshot.faces] == ["happy"]
    assert snapshot.frame_size == (640, 480)
    pipeline.source.pause(None)
    pipeline.publish_snapshot()
    wait_until(lambda: len(sink.statuses) > 1)
    assert len(sink.snapshots) == 1


def test_a_sink_is_called_from_the_publish_thread_alone(
    watching: tuple[Pipeline, Slideshow, KeepingSink],
) -> None:
    pipeline, _, first = watching
    second = KeepingSink()
    pipeline.publish_snapshot()
    pipeline.publish_stats()
    wait_until(lambda: first.snapshots and first.stats)
    pipeline.reconfigure(replace(pipeline.components, sinks=(second,)))
    pipeline.source.pause(None)
    pipeline.publish_snapshot()
    pipeline.publish_stats()
    assert pipeline.stop()
    assert first.closed
    assert second.closed
    assert second.stats
    assert first.threads == second.threads == {"publish"}


def test_other_processing_takes_over_between_two_frames_and_nothing_is_counted_anew(
    watching: tuple[Pipeline, Slideshow, KeepingSink],
) -> None:
    pipeline, _, sink = watching
    before = pipeline.stats().detections
    processing = processing_with(
        open_detector(HaarSettings()), True, model="tiny-int8", first_id=10
    )
    pipeline.reconfigure(replace(pipeline.components, processing=processing))
    wait_until(lambda: len(sink.events) == 3)
    assert [(event.track_id, event.model) for event in sink.events] == [
        (1, "shallow-int8"),
        (1, "shallow-int8"),
        (10, "tiny-int8"),
    ]
    assert pipeline.stats().detections > before
    assert pipeline.status().model == "tiny-int8"


def test_another_source_takes_over_with_a_clock_and_faces_of_its_own(
    watching: tuple[Pipeline, Slideshow, KeepingSink], clip: list[Image]
) -> None:
    pipeline, camera, sink = watching
    film = FakeCamera([clip[4]] * 50, fps=25.0)  # its clock begins at 0
    processing = processing_with(open_detector(HaarSettings()), False, first_id=10)
    pipeline.reconfigure(PipelineComponents(film, False, processing, pipeline.components.sinks))
    wait_until(lambda: camera.closed)
    before = sum(pipeline.stats().dropped.values())
    wait_until(lambda: not pipeline.running)
    told = [(event.type.value, event.track_id) for event in sink.events]
    assert told == [("start", 1), ("end", 1), ("start", 10), ("end", 10)]
    # A film waits for who reads it; a last frame of the camera may have been on its way.
    assert sum(pipeline.stats().dropped.values()) - before <= 1


def test_the_newest_of_several_components_is_used_whatever_came_between(
    watching: tuple[Pipeline, Slideshow, KeepingSink], clip: list[Image]
) -> None:
    pipeline, _, sink = watching
    ids = iter((10, 20))
    sources = [Slideshow(clip[4]), Slideshow(clip[4])]
    for source in sources:
        processing = processing_with(open_detector(HaarSettings()), True, first_id=next(ids))
        pipeline.reconfigure(
            PipelineComponents(source, True, processing, pipeline.components.sinks)
        )
    model = processing_with(open_detector(HaarSettings()), True, model="tiny-int8", first_id=30)
    pipeline.reconfigure(replace(pipeline.components, processing=model))
    wait_until(lambda: sink.events[-1].model == "tiny-int8")
    wait_until(lambda: pipeline.applied)
    assert pipeline.stats().camera is CameraState.ONLINE
    passed_over, read = sources[0].reads, sources[1].reads
    wait_until(lambda: sources[1].reads > read + 3)
    assert sources[0].reads == passed_over


def test_another_sink_is_started_with_the_status_and_gets_what_comes_from_then_on(
    watching: tuple[Pipeline, Slideshow, KeepingSink],
) -> None:
    pipeline, _, sink = watching
    other = KeepingSink()
    pipeline.publish_snapshot()
    wait_until(lambda: sink.snapshots)
    pipeline.reconfigure(replace(pipeline.components, sinks=(other,)))
    wait_until(lambda: pipeline.applied)
    assert sink.closed
    assert other.statuses == sink.statuses[-1:]
    pipeline.source.pause(None)
    wait_until(lambda: [event.type.value for event in other.events] == ["end"])
    assert [event.type.value for event in sink.events] == ["start"]


def test_sinks_that_are_replaced_in_haste_are_all_closed_in_their_order(
    watching: tuple[Pipeline, Slideshow, KeepingSink],
) -> None:
    pipeline, _, first = watching
    order: list[str] = []

    class Noting(KeepingSink):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def start(self) -> None:
            order.append(f"{self.name} starts")

        def close(self, timeout: float = 0.0) -> None:
            order.append(f"{self.name} ends")

    second, third = Noting("second"), Noting("third")
    for sink in (second, third):
        pipeline.reconfigure(replace(pipeline.components, sinks=(sink,)))
    wait_until(lambda: pipeline.applied)
    assert first.closed
    assert order == ["second starts", "second ends", "third starts"]


def test_frames_of_a_source_that_was_replaced_are_seen_by_nobody(clip: list[Image]) -> None:
    held, release = threading.Event(), threading.Event()

    class Holding(Slow):
        """A detector that holds its first frame until it is released."""

        def detect(self, image: Image, near: Sequence[Box] = ()) -> list[Face]:
            held.set()
            release.wait(20)
            return super().detect(image, near)

    camera = FakeCamera([clip[4]] * 100_000, wait=lambda: time.sleep(0.005))
    pipeline = build(camera, KeepingSink(), live=True, detector=Holding(0.0))
    pipeline.start()
    wait_until(held.is_set)
    wait_until(lambda: pipeline.stats().dropped["frames"] > 0)  # one more waits to be detected
    video, detector = FakeCamera([clip[4]] * 7, fps=25.0), Slow(0.0)
    processing = processing_with(detector, False)
    pipeline.reconfigure(PipelineComponents(video, False, processing, pipeline.components.sinks))
    wait_until(lambda: video.reads > 0)
    release.set()
    wait_until(lambda: not pipeline.running)
    assert detector.calls == 7


def test_it_works_once_a_frame_came_through_or_it_is_known_why_none_can(
    clip: list[Image],
) -> None:
    release = threading.Event()
    camera = FakeCamera([clip[4]], wait=release.wait)
    pipeline = build(camera, KeepingSink(), live=True)
    pipeline.start()
    assert not pipeline.has_processed_frame
    pipeline.source.pause(None)
    assert pipeline.has_processed_frame
    pipeline.source.resume()
    assert not pipeline.has_processed_frame
    camera.online = False
    assert pipeline.has_processed_frame
    camera.online = True
    release.set()
    wait_until(lambda: pipeline.has_processed_frame)
    assert pipeline.stop()


def test_a_camera_that_is_there_and_gives_no_frames_stalls_and_one_that_is_away_does_not(
    clip: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STALL_TIMEOUT", 1.5)

    class Silent(FakeCamera):
        def read(self) -> None:  # type: ignore[override]
            time.sleep(0.05)

    camera = Silent([])
    pipeline = build(camera, KeepingSink(), live=True)
    pipeline.start()
    wait_until(lambda: pipeline.stalled() == ["frames"])
    camera.online = False
    wait_until(lambda: pipeline.stalled() == [])
    time.sleep(2)
    assert pipeline.stalled() == []
    assert pipeline.stop()
