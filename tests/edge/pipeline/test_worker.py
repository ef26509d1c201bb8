import threading
import time
from collections.abc import Callable

import pytest

from edge.pipeline.worker import BoundedQueue, QueueClosed, Worker
from tests.brokers import wait_until


def drain(channel: BoundedQueue[int]) -> list[int]:
    """Return all that is in a closed channel."""
    items: list[int] = []
    while True:
        try:
            item = channel.get(timeout=0)
        except QueueClosed:
            return items
        assert item is not None
        items.append(item)


def test_a_live_channel_keeps_the_newest_and_counts_what_it_drops() -> None:
    channel: BoundedQueue[int] = BoundedQueue(1, lossless=False)
    for number in range(5):
        channel.put(number)
    assert channel.get(timeout=0) == 4
    assert channel.dropped == 4


def test_a_bounded_queue_drops_its_oldest_first() -> None:
    channel: BoundedQueue[int] = BoundedQueue(3, lossless=False)
    for number in range(5):
        channel.put(number)
    channel.close()
    assert drain(channel) == [2, 3, 4]
    assert channel.dropped == 2


def test_a_lossless_channel_makes_its_writer_wait_and_loses_nothing() -> None:
    channel: BoundedQueue[int] = BoundedQueue(1, lossless=True)

    def write() -> None:
        for number in range(100):
            channel.put(number)
        channel.close()

    threading.Thread(target=write).start()
    received = [channel.get(timeout=5) for _ in range(100)]
    assert received == list(range(100))
    with pytest.raises(QueueClosed):
        channel.get(timeout=5)
    assert channel.dropped == 0


def test_an_empty_channel_gives_nothing_after_the_timeout() -> None:
    assert BoundedQueue[int](1, lossless=False).get(timeout=0.01) is None


def test_many_items_are_read_at_once_oldest_first_and_no_more_than_wanted() -> None:
    channel: BoundedQueue[int] = BoundedQueue(9, lossless=False)
    for number in range(5):
        channel.put(number)
    assert channel.get_all(timeout=0, limit=3) == [0, 1, 2]
    assert channel.get_all(timeout=0, limit=3) == [3, 4]
    assert channel.get_all(timeout=0.01, limit=3) == []
    channel.close()
    with pytest.raises(QueueClosed):
        channel.get_all(timeout=0, limit=3)


def test_what_was_put_before_close_is_still_read() -> None:
    channel: BoundedQueue[int] = BoundedQueue(2, lossless=True)
    channel.put(1)
    channel.close()
    assert drain(channel) == [1]


def test_closing_lets_a_waiting_writer_go() -> None:
    channel: BoundedQueue[int] = BoundedQueue(1, lossless=True)
    channel.put(1)
    writer = threading.Thread(target=channel.put, args=(2,))
    writer.start()
    channel.close()
    writer.join(5)
    assert not writer.is_alive()
    assert drain(channel) == [1]


def test_a_stage_repeats_its_step_until_stopped_and_then_finishes() -> None:
    steps, finished = [], threading.Event()
    stage = Worker("work", lambda: steps.append(1), finished.set)
    stage.start()
    wait_until(lambda: len(steps) > 3)
    stage.stop()
    assert stage.join(5)
    assert finished.is_set()
    assert stage.error is None


def test_a_stage_ends_by_itself_when_its_input_is_closed() -> None:
    channel: BoundedQueue[int] = BoundedQueue(1, lossless=True)
    stage = Worker("work", lambda: void(channel.get(1)), lambda: None)
    stage.start()
    channel.close()
    assert stage.join(5)
    assert stage.error is None


def test_a_stage_keeps_the_error_of_a_failed_step_and_still_finishes() -> None:
    finished = threading.Event()

    def fail() -> None:
        raise RuntimeError("broken")

    stage = Worker("work", fail, finished.set)
    stage.start()
    assert stage.join(5)
    assert str(stage.error) == "broken"
    assert finished.is_set()


def test_the_first_error_of_a_stage_is_not_masked_by_one_of_its_end() -> None:
    def fail_with(text: str) -> Callable[[], None]:
        def fail() -> None:
            raise RuntimeError(text)

        return fail

    stage = Worker("work", fail_with("why it broke"), fail_with("what came of that"))
    stage.start()
    assert stage.join(5)
    assert str(stage.error) == "why it broke"


def test_every_step_is_a_heartbeat() -> None:
    stage = Worker("work", lambda: time.sleep(0.01), lambda: None)
    before = stage.heartbeat
    stage.start()
    wait_until(lambda: stage.heartbeat > before)
    stage.stop()
    assert stage.join(5)


def test_what_a_stage_is_asked_is_done_by_its_own_thread_between_two_steps() -> None:
    threads: list[threading.Thread] = []
    stage = Worker("work", lambda: time.sleep(0.01), lambda: None)
    stage.start()
    stage.ask(lambda: threads.append(threading.current_thread()))
    wait_until(lambda: threads)
    stage.stop()
    assert stage.join(5)
    assert threads == [stage._thread]


def test_a_stage_is_settled_once_what_it_was_asked_is_done_and_not_before() -> None:
    begun, release = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        release.wait(20)

    stage = Worker("work", lambda: time.sleep(0.01), lambda: None)
    assert stage.settled
    stage.start()
    stage.ask(work)
    wait_until(begun.is_set)
    assert not stage.settled
    release.set()
    stage.settle()
    assert stage.settled
    stage.stop()
    assert stage.join(5)


def test_a_stage_that_has_ended_keeps_nobody_waiting() -> None:
    stage = Worker("work", lambda: None, lambda: None)
    stage.start()
    stage.stop()
    assert stage.join(5)
    stage.ask(lambda: None)
    stage.settle()


def test_a_channel_that_is_cleared_lets_its_writer_go_on_and_counts_no_drop() -> None:
    channel: BoundedQueue[int] = BoundedQueue(1, lossless=True)
    channel.put(1)
    writer = threading.Thread(target=lambda: channel.put(2), daemon=True)
    writer.start()
    channel.clear()
    writer.join(5)
    assert channel.get(1) == 2
    assert channel.dropped == 0


def void(_: object) -> None:
    """Take a value and give none."""
