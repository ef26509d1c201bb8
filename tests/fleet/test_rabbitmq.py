"""A RabbitMQ cluster of three nodes, run from config/fleet/rabbitmq."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.brokers import wait_until
from tests.fleet.devices import Load
from tests.fleet.member import Member
from tests.fleet.rabbitmq import EPMD, RABBITMQ, Cluster
from tests.fleet.report import Report
from tests.fleet.secrets import secret
from tests.fleet.ways import over_cluster

pytestmark = pytest.mark.skipif(
    RABBITMQ is None or EPMD is None or shutil.which("openssl") is None,
    reason="RabbitMQ or openssl is not installed: apt-get install rabbitmq-server openssl",
)

DEVICES = 200


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three nodes that know 200 devices; a test that ends one starts it again."""
    with Cluster(tmp_path_factory.mktemp("cluster"), DEVICES) as running:
        yield running


def device(cluster: Cluster, name: str, node: int = 0, client_id: str | None = None) -> Member:
    """Return a client that is a device."""
    port, authority = cluster.ports[node], cluster.authority.certificate
    return Member(port, name, secret(name), authority, client_id or f"emotiond_{name}")


def reader(cluster: Cluster, name: str = "collector", node: int = 1) -> Member:
    """Return a client that is no device."""
    return Member(cluster.ports[node], name, secret(name), cluster.authority.certificate)


def test_a_device_that_speaks_for_another_is_shown_out(cluster: Cluster) -> None:
    with device(cluster, "cam-000") as forger, reader(cluster).hear("emotiond/#") as listener:
        assert forger.say("emotiond/cam-000/event", "true")
        assert not forger.say("emotiond/cam-001/event", "forged")
        assert forger.gone
        wait_until(lambda: listener.heard)
        assert listener.heard == [("emotiond/cam-000/event", "true")]


@pytest.mark.parametrize("topic", ["emotiond/cam-001/set/#", "emotiond/+/set/pause", "emotiond/#"])
def test_a_device_that_listens_to_others_is_shown_out(cluster: Cluster, topic: str) -> None:
    with device(cluster, "cam-000") as curious:
        assert curious.hear(topic).gone


def test_a_device_hears_its_own_commands_on_another_node(cluster: Cluster) -> None:
    with device(cluster, "cam-000", node=2) as commanded, reader(cluster, "operator") as operator:
        commanded.hear("emotiond/cam-000/set/#", "emotiond/cam-000/request/#")
        assert operator.say("emotiond/cam-000/set/pause", "ON")
        wait_until(lambda: commanded.heard == [("emotiond/cam-000/set/pause", "ON")])


def test_a_device_gets_no_session_of_another(cluster: Cluster) -> None:
    with device(cluster, "cam-000", client_id="emotiond_cam-001") as thief:
        assert thief.hear("emotiond/cam-000/set/#").gone


def test_who_only_reads_commands_nobody(cluster: Cluster) -> None:
    with reader(cluster) as listener:
        assert not listener.say("emotiond/cam-000/set/pause", "OFF")


def test_a_device_is_let_in_and_commanded_again_after_its_node_died(cluster: Cluster) -> None:
    with device(cluster, "cam-000", node=2) as before:
        before.hear("emotiond/cam-000/set/#")
        cluster.kill(2)
        wait_until(lambda: before.gone)
    with device(cluster, "cam-000", node=1) as after, reader(cluster, "operator") as operator:
        after.hear("emotiond/cam-000/set/#")
        operator.say("emotiond/cam-000/set/pause", "ON")
        wait_until(lambda: after.heard == [("emotiond/cam-000/set/pause", "ON")])
    cluster.start(2)


def test_of_200_devices_no_recorded_event_is_lost_when_the_readers_node_dies(
    cluster: Cluster, tmp_path: Path, tell: Callable[[Report], None]
) -> None:
    report = over_cluster("cluster, a node killed", cluster, tmp_path / "out", Load(10, 2.0), 0)
    tell(report)
    assert (report.recorded, report.lost, report.dropped) == (2000, 0, 0)
