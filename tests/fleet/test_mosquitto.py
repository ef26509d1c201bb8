"""A central Mosquitto and bridged sites, run from config/fleet/mosquitto."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

from edge.publish.mqtt.sink import MqttSink
from tests.brokers import MOSQUITTO, wait_until
from tests.events import event
from tests.fleet.devices import Load
from tests.fleet.member import Member
from tests.fleet.mosquitto import Fleet
from tests.fleet.report import Report
from tests.fleet.secrets import secret
from tests.fleet.ways import over_mosquitto, restart

pytestmark = pytest.mark.skipif(
    MOSQUITTO is None or shutil.which("openssl") is None,
    reason="Mosquitto or openssl is not installed: apt-get install mosquitto openssl",
)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Two sites: cam-000 and cam-002 are at site-0, cam-001 and cam-003 at site-1."""
    with Fleet(tmp_path_factory.mktemp("fleet"), devices=4, sites=2) as running:
        yield running


def at_site(fleet: Fleet, user: str, client_id: str | None = None) -> Member:
    """Return a client of site-0."""
    return Member(fleet.sites[0].port, user, secret(user), client_id=client_id)


def at_centre(fleet: Fleet, user: str, lasting: bool = False) -> Member:
    """Return a client of the centre."""
    authority = fleet.authority.certificate
    return Member(fleet.centre.port, user, secret(user), authority, lasting=lasting)


def test_a_device_speaks_at_its_site_only_for_itself(fleet: Fleet) -> None:
    with at_site(fleet, "cam-000") as device, at_centre(fleet, "collector") as reader:
        reader.hear("emotiond/#")
        device.say("emotiond/cam-002/event", "forged")
        device.say("emotiond/cam-002/set/pause", "forged")
        device.say("emotiond/cam-000/event", "true")
        wait_until(lambda: reader.payloads("emotiond/site-0/cam-000/event") == ["true"])
        assert "forged" not in {payload for _, payload in reader.heard}


def test_a_device_hears_only_its_own_commands(fleet: Fleet) -> None:
    with at_site(fleet, "cam-000") as device, at_centre(fleet, "operator") as operator:
        device.hear("emotiond/#")
        operator.say("emotiond/site-0/cam-002/set/pause", "ON")
        operator.say("emotiond/site-0/cam-000/set/pause", "ON")
        wait_until(lambda: device.heard)
        assert device.heard == [("emotiond/cam-000/set/pause", "ON")]


def test_a_device_cannot_end_the_connection_of_another_by_its_client_id(fleet: Fleet) -> None:
    with at_site(fleet, "cam-002") as victim, at_site(fleet, "cam-000", "cam-002") as thief:
        assert thief.say("emotiond/cam-000/event", "here")
        assert victim.say("emotiond/cam-002/event", "here too")
        assert not victim.gone


def test_who_comes_to_the_centre_speaks_only_below_its_own_name(fleet: Fleet) -> None:
    with at_centre(fleet, "cam-001") as device, at_centre(fleet, "collector") as reader:
        reader.hear("emotiond/#")
        device.say("emotiond/site-0/cam-000/event", "forged")
        device.say("emotiond/cam-001/event", "true")
        wait_until(lambda: reader.payloads("emotiond/cam-001/event") == ["true"])
        assert "forged" not in {payload for _, payload in reader.heard}


def test_who_only_reads_commands_nobody(fleet: Fleet) -> None:
    with at_site(fleet, "cam-000") as device, at_centre(fleet, "collector") as reader:
        device.hear("emotiond/cam-000/set/#")
        reader.say("emotiond/site-0/cam-000/set/pause", "OFF")
        with at_centre(fleet, "operator") as operator:
            operator.say("emotiond/site-0/cam-000/set/pause", "ON")
        wait_until(lambda: device.heard)
        assert device.payloads("emotiond/cam-000/set/pause") == ["ON"]


def test_a_command_from_the_centre_is_answered_there(fleet: Fleet) -> None:
    with at_site(fleet, "cam-000") as device, at_centre(fleet, "operator") as operator:
        device.hear("emotiond/cam-000/request/#")
        operator.hear("emotiond/site-0/+/response/#")
        operator.say("emotiond/site-0/cam-000/request/info", "{}")
        wait_until(lambda: device.payloads("emotiond/cam-000/request/info") == ["{}"])
        device.say("emotiond/cam-000/response/info", "answer")
        wait_until(lambda: operator.payloads("emotiond/site-0/cam-000/response/info") == ["answer"])


def test_pictures_and_single_faces_stay_at_the_site(fleet: Fleet) -> None:
    with at_site(fleet, "cam-000") as device, at_centre(fleet, "collector") as reader:
        reader.hear("emotiond/#")
        device.say("emotiond/cam-000/snapshot", "a picture")
        device.say("emotiond/cam-000/face/1", "a face")
        device.say("emotiond/cam-000/event", "an event")
        wait_until(lambda: reader.payloads("emotiond/site-0/cam-000/event") == ["an event"])
        assert {payload for _, payload in reader.heard}.isdisjoint({"a picture", "a face"})


def test_what_the_centre_has_not_got_waits_at_the_site_through_its_restart(tmp_path: Path) -> None:
    with Fleet(tmp_path, devices=1, sites=1) as fleet:
        with at_centre(fleet, "collector", lasting=True) as reader:
            reader.hear("emotiond/+/+/event")
        fleet.centre.stop()
        say(fleet, ["1", "2", "3"])
        fleet.sites[0].stop()
        fleet.sites[0].start()
        say(fleet, ["4", "5"])
        fleet.centre.start()
        with at_centre(fleet, "collector", lasting=True) as reader:
            topic = "emotiond/site-0/cam-000/event"
            wait_until(lambda: reader.payloads(topic) == ["1", "2", "3", "4", "5"], seconds=30)


def test_a_device_with_a_broker_of_its_own_has_its_topics_at_the_centre(tmp_path: Path) -> None:
    alone = {"emotiond/ emotiond/site-01/": "emotiond/ emotiond/", "topic +/": "topic cam-000/"}
    with Fleet(tmp_path, devices=1, sites=0) as fleet, ExitStack() as running:
        broker = fleet.site("cam-000", ["cam-000"], alone)
        running.callback(broker.kill)
        operator = running.enter_context(at_centre(fleet, "operator")).hear("emotiond/#")
        broker.start()
        wait_until(lambda: operator.payloads("emotiond/cam-000/bridge") == ["1"])
        device = running.enter_context(Member(broker.port, "cam-000", secret("cam-000")))
        device.hear("emotiond/cam-000/set/#")
        device.say("emotiond/cam-000/event", "true")
        operator.say("emotiond/cam-000/set/pause", "ON")
        wait_until(lambda: operator.payloads("emotiond/cam-000/event") == ["true"])
        wait_until(lambda: device.payloads("emotiond/cam-000/set/pause") == ["ON"])


def test_with_mqtt_5_events_that_the_centre_does_not_allow_stay_with_the_device(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Fleet(tmp_path, devices=1, sites=0) as fleet:
        misnamed = msgspec.structs.replace(fleet.devices[0], device="cam-001", protocol=5)
        sink = MqttSink(misnamed, tmp_path / "outbox.sqlite")
        sink.start()
        sink.publish(event())
        wait_until(lambda: "does not take events: Not authorized" in caplog.text)
        assert sink.waiting == 1
        sink.close(0)


def say(fleet: Fleet, payloads: list[str]) -> None:
    """Let the only device publish events at its site."""
    with at_site(fleet, "cam-000") as device:
        for payload in payloads:
            assert device.say("emotiond/cam-000/event", payload)


def test_what_a_device_retains_is_retained_at_the_centre_and_so_is_that_its_site_is_gone(
    tmp_path: Path,
) -> None:
    with Fleet(tmp_path, devices=1, sites=1) as fleet:
        with at_site(fleet, "cam-000") as device:
            device.say("emotiond/cam-000/availability", "online", retain=True)
            with at_centre(fleet, "collector") as reader:
                reader.hear("emotiond/#")
                wait_until(lambda: ("emotiond/site-0/bridge", "1") in reader.heard)
                wait_until(
                    lambda: ("emotiond/site-0/cam-000/availability", "online") in reader.heard
                )
                fleet.sites[0].kill()
                wait_until(lambda: ("emotiond/site-0/bridge", "0") in reader.heard)
        with at_centre(fleet, "collector") as late:
            late.hear("emotiond/#")
            wait_until(lambda: ("emotiond/site-0/bridge", "0") in late.heard)


@pytest.mark.parametrize("sites", [0, 8])
def test_of_200_devices_no_recorded_event_is_lost_while_the_centre_restarts(
    tmp_path: Path, sites: int, tell: Callable[[Report], None]
) -> None:
    report = over_mosquitto(
        f"{sites or 'no'} sites, centre restarted",
        tmp_path / "run",
        200,
        sites,
        Load(10, 2.0),
        restart,
    )
    tell(report)
    assert (report.recorded, report.lost, report.dropped) == (2000, 0, 0)
