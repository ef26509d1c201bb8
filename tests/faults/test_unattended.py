"""A daemon among real parts that fail one after the other: each is told, and no event is lost."""

import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from edge.bench.clips import LiveStream
from edge.commands.demo import CLIP
from tests.brokers import MOSQUITTO, Mosquitto, wait_until
from tests.e2e.daemon import Daemon, mqtt, read_events
from tests.faults import fault
from tests.subscribers import Subscriber
from tools.soak.__main__ import Run, running
from tools.soak.record import Record

pytestmark = pytest.mark.skipif(MOSQUITTO is None, reason="Mosquitto is not installed")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A daemon with camera, broker, page and event file, for all tests of this module."""
    with running(tmp_path_factory.mktemp("unattended"), 30.0, Record(0.0)) as one:
        yield one


def written(run: Run) -> list[str]:
    """Return the ids in the event file."""
    path = run.log.with_name("events.jsonl")
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [msgspec.json.decode(line)["id"] for line in lines]


def cause(run: Run, name: str, told: str, ended: str) -> None:
    """Cause a fault until the log tells of it, and wait until the log tells its end."""
    before = len(run.log.read_text())
    with run.surroundings.faults()[name]():
        wait_until(lambda: told in run.log.read_text()[before:], 60)
    wait_until(lambda: ended in run.log.read_text()[before:], 90)


@fault(
    "broker",
    "is killed, and started again",
    seen="one line when it is lost, one when it is back; `broker` on the page",
    recovery="by itself",
    duplicated="events that it had not acknowledged",
)
def test_a_broker_that_was_killed_is_told_and_found_again(run: Run) -> None:
    cause(run, "broker killed", "connection lost", "connected")


@fault(
    "broker",
    "freezes for seconds: the connection stays, nothing is acknowledged",
    seen="nothing; events wait",
    recovery="by itself",
    duplicated="events that it had not acknowledged",
)
def test_what_a_frozen_broker_does_not_take_is_sent_when_it_thaws(run: Run) -> None:
    with run.surroundings.faults()["broker frozen"]():
        count = len(written(run))
        wait_until(lambda: len(written(run)) >= count + 2, 60)
        waited = written(run)
    wait_until(lambda: set(waited) <= set(run.subscriber.arrived), 60)


@fault(
    "machine",
    "the disk is full",
    seen="one line for each file; `durable: false`; one line when it is written again",
    recovery="by itself, the outbox within a minute",
    lost="lines of an event file; nothing by MQTT",
)
def test_a_full_disk_is_told_and_written_to_again(run: Run) -> None:
    cause(run, "disk full", "events are not written", "events are written again")


@fault(
    "camera",
    "stays connected and sends nothing",
    seen="one line; offline; one line when frames come again",
    recovery="by itself",
    lost="frames of the meantime",
)
def test_a_camera_that_falls_silent_is_told_and_found_again(run: Run) -> None:
    cause(run, "camera stopped", "sent nothing for", "frames are coming")


@fault(
    "camera",
    "sends nothing but garbage",
    seen="one line; offline; one line when frames come again",
    recovery="by itself",
    lost="frames of the meantime",
)
def test_a_camera_that_sends_garbage_is_told_and_found_again(run: Run) -> None:
    cause(run, "camera garbage", "found a damaged one; trying again", "frames are coming")


@fault(
    "page",
    "viewers of the live image who read nothing",
    seen="nothing; the page answers others",
    recovery="by itself",
    lost="frames of their view",
)
def test_viewers_who_read_nothing_hold_up_nobody(run: Run) -> None:
    with run.surroundings.faults()["page: slow viewers"]():
        before = time.monotonic()
        count = len(written(run))
        wait_until(lambda: len(written(run)) > count, 60)
        assert run.answers()
    assert time.monotonic() - before < 60


def test_after_all_this_no_event_is_lost_or_out_of_order(run: Run) -> None:
    run.end()
    assert run.record.exit_code == 0
    assert len(run.record.arrived) > 0
    assert (run.record.lost, run.record.out_of_order) == (0, 0)


@fault(
    "machine",
    "`kill -9`, or the power fails, while the broker is away",
    seen="nothing; the next run sends what waited",
    recovery="systemd starts it again",
    duplicated="events that the broker had not acknowledged",
)
def test_events_of_a_killed_daemon_are_sent_by_the_next_in_their_order(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    events = tmp_path / "events.jsonl"
    with LiveStream(CLIP, 25) as stream:
        sinks = [mqtt(broker.port), {"kind": "jsonl", "path": str(events)}]
        config = {"source": {"kind": "stream", "url": stream.url}, "sinks": sinks}
        with Daemon(tmp_path, config) as daemon:
            wait_until(lambda: len(read_events(events)) >= 4, 60)
            daemon.kill()
        waiting = [event["id"] for event in read_events(events)]
        with broker, Subscriber(broker.host, broker.port) as subscriber:
            with Daemon(tmp_path, config) as daemon:
                topic = "emotiond/test/event"
                wait_until(lambda: len(subscriber.payloads(topic)) >= len(waiting), 60)
                assert daemon.stop() == 0
            arrived = [one["id"] for one in subscriber.payloads(topic)]
    assert list(dict.fromkeys(arrived))[: len(waiting)] == waiting
