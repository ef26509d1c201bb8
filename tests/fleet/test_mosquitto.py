"""Devices at one central Mosquitto, run from config/fleet/mosquitto/central."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from edge.publish.sink import SinkContext
from tests.brokers import MOSQUITTO, wait_until
from tests.events import event
from tests.fleet.devices import Devices, Load
from tests.fleet.member import Member
from tests.fleet.mosquitto import Fleet, secret

pytestmark = pytest.mark.skipif(
    MOSQUITTO is None or shutil.which("openssl") is None,
    reason="Mosquitto or openssl is not installed: apt-get install mosquitto openssl",
)

TIMEOUT_S = 60.0
"""For all devices to connect, and again for the last event to arrive."""


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with Fleet(tmp_path_factory.mktemp("fleet"), devices=4) as running:
        yield running


def connect(fleet: Fleet, user: str, client_id: str | None = None) -> Member:
    authority = fleet.authority.certificate
    return Member(fleet.broker.port, user, secret(user), authority, client_id)


def test_a_device_speaks_only_for_itself(fleet: Fleet) -> None:
    with connect(fleet, "cam-000") as device, connect(fleet, "collector") as reader:
        reader.hear("emotiond/#")
        device.say("emotiond/cam-002/event", "forged")
        device.say("emotiond/cam-002/set/pause", "forged")
        device.say("emotiond/cam-000/event", "true")
        wait_until(lambda: reader.payloads("emotiond/cam-000/event") == ["true"])
        assert "forged" not in {payload for _, payload in reader.heard}


def test_a_device_hears_only_its_own_commands(fleet: Fleet) -> None:
    with connect(fleet, "cam-000") as device, connect(fleet, "operator") as operator:
        device.hear("emotiond/#")
        operator.say("emotiond/cam-002/set/pause", "ON")
        operator.say("emotiond/cam-000/set/pause", "ON")
        wait_until(lambda: device.heard)
        assert device.heard == [("emotiond/cam-000/set/pause", "ON")]


def test_a_device_cannot_end_the_connection_of_another_by_its_client_id(fleet: Fleet) -> None:
    with connect(fleet, "cam-002") as victim, connect(fleet, "cam-000", "cam-002") as thief:
        assert thief.say("emotiond/cam-000/event", "here")
        assert victim.say("emotiond/cam-002/event", "here too")
        assert not victim.gone


def test_a_reader_commands_no_device(fleet: Fleet) -> None:
    with connect(fleet, "cam-000") as device, connect(fleet, "collector") as reader:
        device.hear("emotiond/cam-000/set/#")
        reader.say("emotiond/cam-000/set/pause", "OFF")
        with connect(fleet, "operator") as operator:
            operator.say("emotiond/cam-000/set/pause", "ON")
        wait_until(lambda: device.heard)
        assert device.payloads("emotiond/cam-000/set/pause") == ["ON"]


def test_with_mqtt_5_events_that_the_broker_does_not_allow_stay_with_the_device(
    fleet: Fleet, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    misnamed = msgspec.structs.replace(fleet.devices[0], device="cam-001", protocol=5)
    sink = misnamed.open(SinkContext(tmp_path / "outbox.sqlite"))
    sink.start()
    sink.publish(event())
    wait_until(lambda: "does not take events: Not authorized" in caplog.text)
    assert sink.waiting == 1
    sink.close(0)


def test_of_200_devices_no_recorded_event_is_lost_while_the_broker_restarts(
    tmp_path: Path,
) -> None:
    load = Load(events=10, rate=2.0)
    with Fleet(tmp_path, 200) as fleet, fleet.collector() as collector:
        restart(fleet)  # its reader's session is on disk, as when it has run for long
        with Devices(fleet.devices, tmp_path, load) as devices:
            await_devices(devices, lambda: len(collector.online) == 200)
            devices.publish()
            await_devices(devices, lambda: len(collector.received) >= 1000)
            restart(fleet)
            tallies = devices.tallies(TIMEOUT_S)
            recorded = {id_ for tally in tallies for id_ in tally.recorded}
            with suppress(AssertionError):  # what is missing then is lost
                wait_until(lambda: recorded <= collector.received, TIMEOUT_S)
        lost = recorded - collector.received
    assert (len(recorded), len(lost)) == (2000, 0)
    assert sum(tally.dropped + tally.unsure for tally in tallies) == 0


def restart(fleet: Fleet) -> None:
    """End the broker as its service is ended, and start it again a second later."""
    fleet.broker.stop()
    time.sleep(1.0)
    fleet.broker.start()


def await_devices(devices: Devices, condition: Callable[[], bool]) -> None:
    wait_until(lambda: not devices.alive or condition(), TIMEOUT_S)
    assert devices.alive, "a process of devices has ended before its time"
