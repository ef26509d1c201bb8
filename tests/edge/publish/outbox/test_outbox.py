import os
import stat
import threading
from pathlib import Path

import pytest

from edge.publish.outbox import Outbox, OutboxSettings
from edge.publish.outbox_store import PendingEvent
from tests.edge.publish.outbox.clocks import Times
from tests.edge.publish.outbox.outboxes import (
    SECRET,
    Opener,
    ages,
    levels,
    numbers,
    on_disk,
    payloads,
)

# What waits.


def test_nothing_is_touched_before_it_is_opened(path: Path) -> None:
    Outbox(path, OutboxSettings())
    assert not path.parent.exists()


def test_what_was_recorded_waits_oldest_first(opened: Opener) -> None:
    outbox = opened()
    outbox.record([b"1", b"2"])
    outbox.record([b"3"])
    assert outbox.pending(0, 10) == [
        PendingEvent(1, 0, b"1"),
        PendingEvent(2, 0, b"2"),
        PendingEvent(3, 0, b"3"),
    ]
    assert outbox.pending(1, 1) == [PendingEvent(2, 0, b"2")]
    assert outbox.pending(3, 10) == []
    assert (len(outbox), outbox.total_bytes, outbox.recorded, outbox.durable) == (3, 3, 3, True)


def test_what_was_acknowledged_is_gone_and_only_that(opened: Opener) -> None:
    outbox = opened()
    outbox.record([b"1", b"2", b"3"])
    outbox.ack([2, 99])
    outbox.ack([2])
    assert payloads(outbox) == [b"1", b"3"]
    assert (len(outbox), outbox.total_bytes, outbox.dropped) == (2, 2, 0)


def test_the_next_run_finds_what_was_not_acknowledged(opened: Opener) -> None:
    outbox = opened()
    outbox.record([b"1", b"2", b"3"])
    outbox.ack([1])
    outbox.close()
    assert payloads(opened()) == [b"2", b"3"]


def test_no_number_is_given_twice_even_after_all_was_acknowledged(opened: Opener) -> None:
    outbox = opened()
    outbox.record([b"1", b"2"])
    outbox.ack([1, 2])
    outbox.close()
    outbox = opened()
    outbox.record([b"3"])
    assert numbers(outbox) == [3]


def test_the_file_follows_without_an_event_when_it_is_told_to(opened: Opener, path: Path) -> None:
    outbox = opened()
    outbox.record([b"1", b"2"])
    outbox.ack([1])
    outbox.record([])
    assert on_disk(path) == [b"2"]


def test_only_its_owner_may_read_the_file(opened: Opener, path: Path) -> None:
    umask = os.umask(0)
    try:
        path.parent.mkdir(parents=True)
        path.touch()
        opened().record([SECRET])
    finally:
        os.umask(umask)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes.keys() >= {"outbox.db", "outbox.db-wal", "outbox.db.lock"}
    assert set(modes.values()) == {0o600}


# Bounds.


def test_beyond_the_number_the_oldest_is_dropped_and_counted(opened: Opener) -> None:
    outbox = opened(max_events=3)
    for number in range(1, 6):
        outbox.record([b"%d" % number])
    assert payloads(outbox) == [b"3", b"4", b"5"]
    assert outbox.dropped == 2


def test_beyond_the_bytes_the_oldest_are_dropped_and_counted(opened: Opener) -> None:
    outbox = opened(max_bytes=1024)
    outbox.record([b"a" * 400, b"b" * 400])
    outbox.record([b"c" * 1000])
    assert payloads(outbox) == [b"c" * 1000]
    assert (outbox.total_bytes, outbox.dropped) == (1000, 2)


def test_what_alone_is_beyond_the_bytes_is_dropped_as_well(opened: Opener) -> None:
    outbox = opened(max_bytes=1024)
    outbox.record([b"a" * 2000])
    assert (len(outbox), outbox.total_bytes, outbox.dropped) == (0, 0, 1)


def test_beyond_the_age_the_oldest_is_dropped_without_a_new_one(
    opened: Opener, times: Times
) -> None:
    outbox = opened(max_age_s=60)
    outbox.record([b"1"])
    times.advance(40)
    outbox.record([b"2"])
    times.advance(30)
    assert payloads(outbox) == [b"2"]
    assert (len(outbox), outbox.dropped) == (1, 1)


def test_what_was_dropped_does_not_come_back_with_the_next_run(opened: Opener) -> None:
    outbox = opened(max_events=2)
    outbox.record([b"1", b"2", b"3"])
    outbox.close()
    outbox = opened(max_events=2)
    assert payloads(outbox) == [b"2", b"3"]
    assert outbox.dropped == 0


def test_tighter_bounds_drop_what_an_earlier_run_has_left(opened: Opener, path: Path) -> None:
    outbox = opened()
    outbox.record([b"1", b"2", b"3"])
    outbox.close()
    outbox = opened(max_events=1)
    assert payloads(outbox) == on_disk(path) == [b"3"]
    assert outbox.dropped == 2


def test_the_first_drop_is_logged_and_not_each(
    opened: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = opened(max_events=2)
    for _ in range(5):
        outbox.record([SECRET])
    assert levels(caplog) == ["WARNING"]
    outbox.ack(numbers(outbox))
    outbox.record([SECRET])
    assert levels(caplog) == ["WARNING"]
    outbox.record([SECRET] * 5)
    assert levels(caplog) == ["WARNING", "WARNING"]


# Clocks.


def test_a_wall_clock_that_jumps_makes_nothing_older(opened: Opener, times: Times) -> None:
    outbox = opened(max_age_s=3600)
    outbox.record([b"1"])
    times.advance(10)
    for months in (8, -20):
        times.wall += months * 30 * 86400
        assert ages(outbox) == [10]
    outbox.close()
    assert ages(opened(max_age_s=3600)) == [10]


def test_time_off_counts_by_the_wall_clock(opened: Opener, times: Times) -> None:
    outbox = opened()
    outbox.record([b"1"])
    times.advance(10)
    outbox.record([b"2"])
    outbox.close()
    times.reboot("second", off=3600)
    outbox = opened()
    assert ages(outbox) == [3630, 3620]
    outbox.close()
    times.advance(5)
    assert ages(opened(max_age_s=3630)) == [3625]


def test_a_wall_clock_that_starts_in_the_past_makes_nothing_younger_than_the_boot(
    opened: Opener, times: Times
) -> None:
    outbox = opened()
    outbox.record([b"1"])
    outbox.close()
    times.reboot("second", off=-400 * 86400)
    outbox = opened()
    assert ages(outbox) == [20]
    times.advance(7)
    times.wall += 400 * 86400
    assert ages(outbox) == [27]


def test_the_wall_clock_of_before_a_time_server_answered_does_not_count_in_the_next_boot(
    opened: Opener, times: Times
) -> None:
    times.wall -= 200 * 86400
    outbox = opened()
    outbox.record([b"1"])
    times.advance(10)
    times.wall += 200 * 86400
    outbox.record([b"2"])
    outbox.close()
    times.reboot("second", off=100)
    assert ages(opened()) == [130, 120]


def test_ages_run_on_over_many_boots(opened: Opener, times: Times) -> None:
    for boot in range(5):
        outbox = opened()
        outbox.record([b"%d" % boot])
        outbox.close()
        times.reboot(f"boot {boot}", off=80)
    assert ages(opened()) == [500, 400, 300, 200, 100]


# Two threads.


def test_two_threads_hand_on_every_event_once_and_in_order(opened: Opener) -> None:
    outbox = opened()

    def record() -> None:
        for number in range(0, 2000, 20):
            outbox.record([b"%d" % event for event in range(number, number + 20)])

    recorder = threading.Thread(target=record)
    recorder.start()
    received: list[int] = []
    sent = 0
    pause = threading.Event()
    while recorder.is_alive() or len(outbox):
        entries = outbox.pending(sent, 30)
        received += [int(entry.payload) for entry in entries]
        outbox.ack([entry.number for entry in entries])
        sent = entries[-1].number if entries else sent
        pause.wait(0.001)  # one that spins would let the other get nothing done
    recorder.join()
    assert received == list(range(2000))
    outbox.close()
    assert len(opened()) == 0
