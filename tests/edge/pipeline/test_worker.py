import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Thread

import pytest

from edge.pipeline.worker import BoundedQueue, LatestFrame, QueueClosed, Worker
from edge.types import AnalyzedFrame, TrackedFrame
from tests.brokers import wait_until
from tests.events import frame


def drain(queue: BoundedQueue[int]) -> list[int]:
    """Return all that is in a closed queue."""
    items: list[int] = []
    while True:
        try:
            item = queue.get(timeout=0)
        except QueueClosed:
            return items
        assert item is not None
        items.append(item)


def test_a_live_queue_keeps_the_newest_and_counts_what_it_drops() -> None:
    queue: BoundedQueue[int] = BoundedQueue(1, lossless=False)
    for number in range(5):
        queue.put(number)
    assert queue.get(timeout=0) == 4
    assert queue.dropped == 4


def test_a_bounded_queue_drops_its_oldest_first() -> None:
    queue: BoundedQueue[int] = BoundedQueue(3, lossless=False)
    for number in range(5):
        queue.put(number)
    queue.close()
    assert drain(queue) == [2, 3, 4]
    assert queue.dropped == 2


def test_a_lossless_queue_makes_its_writer_wait_and_loses_nothing() -> None:
    queue: BoundedQueue[int] = BoundedQueue(1, lossless=True)

    def write() -> None:
        for number in range(100):
            queue.put(number)
        queue.close()

    threading.Thread(target=write).start()
    received = [queue.get(timeout=5) for _ in range(100)]
    assert received == list(range(100))
    with pytest.raises(QueueClosed):
        queue.get(timeout=5)
    assert queue.dropped == 0


def test_an_empty_queue_gives_nothing_after_the_timeout() -> None:
    assert BoundedQueue[int](1, lossless=False).get(timeout=0.01) is None


def test_what_was_put_before_close_is_still_read() -> None:
    queue: BoundedQueue[int] = BoundedQueue(2, lossless=True)
    queue.put(1)
    queue.close()
    assert drain(queue) == [1]


def test_closing_lets_a_waiting_writer_go() -> None:
    queue: BoundedQueue[int] = BoundedQueue(1, lossless=True)
    queue.put(1)
    writer = threading.Thread(target=queue.put, args=(2,))
    writer.start()
    queue.close()
    writer.join(5)
    assert not writer.is_alive()
    assert drain(queue) == [1]


def test_a_worker_repeats_its_step_until_stopped_and_then_finishes() -> None:
    steps, finished = [], threading.Event()
    worker = Worker("work", lambda: steps.append(1), [finished.set])
    worker.start()
    wait_until(lambda: len(steps) > 3)
    worker.stop()
    assert worker.join(5)
    assert finished.is_set()
    assert worker.error is None


def test_a_worker_ends_by_itself_when_its_input_is_closed() -> None:
    queue: BoundedQueue[int] = BoundedQueue(1, lossless=True)
    worker = Worker("work", lambda: void(queue.get(1)))
    worker.start()
    queue.close()
    assert worker.join(5)
    assert worker.error is None


def test_a_worker_keeps_the_error_of_a_failed_step_and_still_finishes() -> None:
    finished = threading.Event()

    def fail() -> None:
        raise RuntimeError("broken")

    worker = Worker("work", fail, [finished.set])
    worker.start()
    assert worker.join(5)
    assert str(worker.error) == "broken"
    assert finished.is_set()


def test_the_first_error_of_a_worker_is_not_masked_by_one_of_its_end() -> None:
    def fail_with(text: str) -> Callable[[], None]:
        def fail() -> None:
            raise RuntimeError(text)

        return fail

    finished = threading.Event()
    finish = [fail_with("what came of that"), finished.set]
    worker = Worker("work", fail_with("why it broke"), finish)
    worker.start()
    assert worker.join(5)
    assert finished.is_set()
    assert str(worker.error) == "why it broke"


def test_every_step_is_a_heartbeat() -> None:
    worker = Worker("work", lambda: time.sleep(0.01))
    before = worker.heartbeat
    worker.start()
    wait_until(lambda: worker.heartbeat > before)
    worker.stop()
    assert worker.join(5)


def test_a_reader_that_is_woken_returns_with_nothing_once() -> None:
    queue: BoundedQueue[int] = BoundedQueue(1, lossless=False)
    queue.wake()
    assert queue.get(timeout=60) is None
    queue.put(1)
    assert queue.get(timeout=60) == 1


def void(_: object) -> None:
    """Take a value and give none."""


def scene(second: float = 0.0) -> AnalyzedFrame:
    return AnalyzedFrame(TrackedFrame(frame(second), ()), (), datetime.now(UTC))


def test_the_newest_scene_takes_the_place_of_the_one_before() -> None:
    latest = LatestFrame()
    assert latest.newest is None
    scenes = scene(0.0), scene(0.1)
    for one in scenes:
        latest.show(one)
    assert latest.newest is scenes[1]


def test_no_scene_is_kept_where_nobody_may_look() -> None:
    latest = LatestFrame()
    latest.kept = False
    latest.show(scene())
    assert latest.newest is None


def test_what_is_cleared_is_not_seen_any_more() -> None:
    latest = LatestFrame()
    latest.show(scene())
    latest.show(None)
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
    latest.show(None)
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
