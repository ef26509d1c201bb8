import logging
import os
import resource
import signal
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from tests.edge.publish.outbox.clocks import Times
from tests.edge.publish.outbox.outboxes import (
    SECRET,
    Opener,
    ages,
    fill,
    levels,
    mounted,
    numbers,
    on_disk,
    payloads,
    remount,
    small_disk,
)
from tests.edge.publish.outbox.recorder import kill, run_recorder


def put_in_the_way(folder: Path) -> None:
    folder.parent.mkdir(exist_ok=True)
    folder.touch()


def test_a_folder_that_cannot_be_made_leaves_it_in_memory_until_it_can(
    path: Path, opened: Opener, times: Times, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    put_in_the_way(path.parent)
    outbox = opened()
    for number in range(1, 4):
        outbox.record([b"%d" % number])
        times.advance(50)
    outbox.ack([2])
    assert (payloads(outbox), outbox.durable) == ([b"1", b"3"], False)
    path.parent.unlink()
    outbox.record([b"4"])
    assert not outbox.durable  # it is not yet time to try again
    times.advance(60)
    outbox.record([])
    assert (payloads(outbox), outbox.durable) == ([b"1", b"3", b"4"], True)
    assert numbers(outbox) == [1, 3, 4]
    assert on_disk(path) == [b"1", b"3", b"4"]
    assert levels(caplog) == ["WARNING", "INFO"]


def test_what_lies_in_memory_has_a_last_chance_at_the_end(path: Path, opened: Opener) -> None:
    put_in_the_way(path.parent)
    outbox = opened()
    outbox.record([b"1"])
    path.parent.unlink()
    outbox.close()
    assert outbox.durable
    assert payloads(opened()) == [b"1"]


def test_a_number_that_the_disk_never_saw_is_not_given_again(
    path: Path, opened: Opener, times: Times
) -> None:
    put_in_the_way(path.parent)
    outbox = opened()
    outbox.record([b"1", b"2"])
    outbox.ack([2])
    path.parent.unlink()
    times.advance(60)
    outbox.record([])
    outbox.close()
    outbox = opened()
    outbox.record([b"3"])
    assert numbers(outbox) == [1, 3]


def test_what_could_not_be_read_at_the_start_comes_behind_what_came_since(
    path: Path, opened: Opener, times: Times
) -> None:
    outbox = opened()
    outbox.record([b"old 1", b"old 2", b"old 3"])
    outbox.ack([1])
    outbox.close()
    away = path.parent.rename(path.parent.with_name("away"))
    put_in_the_way(path.parent)
    outbox = opened()
    outbox.record([b"new 1", b"new 2"])
    path.parent.unlink()
    away.rename(path.parent)
    times.advance(60)
    outbox.record([b"new 3"])
    outbox.ack([2])  # the number that the caller knows, not the one in the old file
    assert payloads(outbox) == [b"new 1", b"old 2", b"old 3", b"new 3"]
    assert numbers(outbox) == sorted(set(numbers(outbox)))
    assert ages(outbox) == [60, 60, 60, 0]
    outbox.close()
    assert payloads(opened()) == [b"new 1", b"old 2", b"old 3", b"new 3"]


def test_a_full_disk_leaves_it_in_memory_until_there_is_room(
    path: Path, opened: Opener, times: Times, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with mounted(path.parent, *small_disk("1m")):
        outbox = opened()
        outbox.record([b"1", b"2", b"3"])
        filler = fill(path.parent)
        for number in range(4, 14):
            outbox.record([b"%d" % number + SECRET * 1000])
        assert not outbox.durable
        times.advance(60)
        outbox.record([])
        assert not outbox.durable
        outbox.ack([2, 5])
        expected = [1, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13]
        assert numbers(outbox) == expected
        filler.unlink()
        times.advance(60)
        outbox.record([b"14"])
        assert outbox.durable
        outbox.close()
        outbox = opened()
        assert numbers(outbox) == [*expected, 14]
        assert payloads(outbox)[:2] == [b"1", b"3"]
        outbox.close()
    assert levels(caplog) == ["WARNING", "INFO"]
    assert SECRET.decode() not in caplog.text


def test_a_disk_that_is_full_at_the_start_still_gives_what_it_holds(
    path: Path, opened: Opener, times: Times
) -> None:
    with mounted(path.parent, *small_disk("1m")):
        outbox = opened()
        outbox.record([b"1", b"2"])
        outbox.close()
        filler = fill(path.parent)
        outbox = opened()
        outbox.record([b"3" * 100_000])
        assert (numbers(outbox), outbox.durable) == ([1, 2, 3], False)
        filler.unlink()
        times.advance(60)
        outbox.record([])
        assert (numbers(outbox), outbox.durable) == ([1, 2, 3], True)
        outbox.close()


@pytest.mark.parametrize("killed", [False, True])
def test_a_read_only_disk_still_gives_what_it_holds(
    path: Path, opened: Opener, times: Times, caplog: pytest.LogCaptureFixture, killed: bool
) -> None:
    caplog.set_level(logging.INFO)
    with mounted(path.parent, *small_disk("20m")):
        if killed:
            process = run_recorder(path, "1")
            threading.Event().wait(0.05)
            known = [number for _, number in kill(process)]
        else:
            outbox = opened()
            outbox.record([b"1", b"2"])
            outbox.close()
            known = [1, 2]
        remount(path.parent, "ro")
        outbox = opened(max_age_s=1e9)  # the recorder's clock is not this one
        there = [int(payload) for payload in payloads(outbox)]
        assert there[: len(known)] == known
        outbox.record([b"0"])
        outbox.ack(numbers(outbox)[:1])
        assert not outbox.durable
        remount(path.parent, "rw")
        times.advance(60)
        outbox.record([b"0"])
        assert outbox.durable
        outbox.close()
        outbox = opened(max_age_s=1e9)
        assert [int(payload) for payload in payloads(outbox)] == [*there[1:], 0, 0]
        outbox.close()
    assert levels(caplog) == ["WARNING", "INFO"]


def test_a_failing_disk_leaves_it_in_memory(
    path: Path, opened: Opener, times: Times, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = opened()
    outbox.record([b"1"])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    size = path.with_name("outbox.db-wal").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))  # from here on an I/O error
    try:
        outbox.record([b"2", b"3"])
        durable = outbox.durable
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert not durable
    assert numbers(outbox) == [1, 2, 3]
    times.advance(60)
    outbox.record([b"4"])
    assert outbox.durable
    assert on_disk(path) == [b"1", b"2", b"3", b"4"]
    assert levels(caplog) == ["WARNING"]


def test_a_file_that_was_removed_is_written_anew(path: Path, opened: Opener, times: Times) -> None:
    outbox = opened()
    outbox.record([b"1"])
    for file in path.parent.iterdir():
        file.unlink()
    outbox.record([b"2"])
    assert not outbox.durable
    times.advance(60)
    outbox.record([b"3"])
    assert outbox.durable
    assert on_disk(path) == [b"1", b"2", b"3"]


# Damage.


def leave(path: Path, opened: Opener, events: int) -> None:
    """Let an earlier run leave that many events, of 1,000 bytes each."""
    outbox = opened()
    outbox.record([b"%4d" % number * 250 for number in range(1, events + 1)])
    outbox.close()


def test_a_file_that_is_no_outbox_is_set_aside(
    path: Path, opened: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no database at all" * 100)
    outbox = opened()
    outbox.record([b"1"])
    assert (on_disk(path), outbox.durable) == ([b"1"], True)
    aside = path.with_name("outbox.db.damaged")
    assert aside.read_bytes() == b"no database at all" * 100
    assert levels(caplog) == ["WARNING"]
    assert aside.name in caplog.text


def test_another_program_s_database_is_set_aside(path: Path, opened: Opener) -> None:
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE event (name TEXT)")
    outbox = opened()
    outbox.record([b"1"])
    assert (on_disk(path), outbox.durable) == ([b"1"], True)
    assert path.with_name("outbox.db.damaged").exists()


def test_what_lies_before_and_behind_the_damage_is_kept_in_order(
    path: Path, opened: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    leave(path, opened, 400)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2 // 4096 * 4096)
        file.write(b"\xff" * 4096)
    outbox = opened()
    found = numbers(outbox)
    assert 300 < len(found) < 400
    assert found[0] == 1
    assert found[-1] == 400
    assert found == sorted(found)
    assert all(entry.payload == b"%4d" % entry.number * 250 for entry in outbox.pending(0, 400))
    outbox.record([b"new"])
    assert (outbox.durable, numbers(outbox)[-1]) == (True, 401)
    assert len(on_disk(path)) == len(found) + 1
    assert levels(caplog) == ["WARNING"]


def test_a_file_that_was_cut_off_gives_what_it_still_holds(path: Path, opened: Opener) -> None:
    leave(path, opened, 400)
    os.truncate(path, path.stat().st_size * 2 // 3)
    outbox = opened()
    assert 100 < len(outbox) < 400
    assert payloads(outbox)[0] == b"   1" * 250
    assert outbox.durable


def test_a_malformed_row_costs_only_itself(path: Path, opened: Opener) -> None:
    leave(path, opened, 5)
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE event SET payload = 'text' WHERE number = 3")
        database.commit()
    outbox = opened()
    assert (numbers(outbox), outbox.durable) == ([1, 2, 4, 5], True)


def test_damage_while_it_runs_costs_nothing_that_waits(
    path: Path, opened: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = opened()
    outbox.record([b"1", b"2"])
    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP TABLE event")
    outbox.record([b"3"])
    assert (numbers(outbox), outbox.durable) == ([1, 2, 3], True)
    assert on_disk(path) == [b"1", b"2", b"3"]
    assert levels(caplog) == ["WARNING"]
