from datetime import UTC, datetime
from threading import Thread

from edge.pipeline.latest_frame import LatestFrame
from edge.types import AnalyzedFrame, TrackedFrame
from tests.brokers import wait_until
from tests.events import frame


def scene(second: float = 0.0) -> AnalyzedFrame:
    return AnalyzedFrame(TrackedFrame(frame(second), ()), (), datetime.now(UTC))


def test_the_newest_scene_takes_the_place_of_the_one_before() -> None:
    latest = LatestFrame()
    assert latest.newest is None
    scenes = scene(0.0), scene(0.1)
    for one in scenes:
        latest.show(one)
    assert latest.newest is scenes[1]


def test_what_is_cleared_is_not_seen_any_more() -> None:
    latest = LatestFrame()
    latest.show(scene())
    latest.clear()
    assert latest.newest is None


def test_who_has_seen_a_scene_waits_for_the_next() -> None:
    latest, seen = LatestFrame(), []
    first, second = scene(0.0), scene(0.1)
    latest.show(first)
    viewer = Thread(target=lambda: seen.append(latest.next(first, timeout=30)))
    viewer.start()
    latest.show(second)
    viewer.join()
    assert seen == [second]


def test_who_has_seen_a_scene_learns_that_it_was_cleared() -> None:
    latest = LatestFrame()
    first = scene()
    latest.show(first)
    viewer = Thread(target=lambda: latest.next(first, timeout=600), daemon=True)
    viewer.start()
    latest.clear()
    wait_until(lambda: not viewer.is_alive())


def test_who_waits_in_vain_gets_what_there_is() -> None:
    latest = LatestFrame()
    assert latest.next(None, timeout=0.0) is None
    first = scene()
    latest.show(first)
    assert latest.next(first, timeout=0.0) is first


def test_it_tells_how_fast_scenes_come() -> None:
    latest = LatestFrame()
    assert latest.fps == 0.0
    for _ in range(5):
        latest.show(scene())
    assert latest.fps > 0.0
