import gc
import logging
import threading
import time

import pytest

from edge.publish.mqtt.client import MqttClient, MqttMessage
from edge.publish.mqtt.session import BrokerConnector
from edge.publish.mqtt.settings import Address, MqttSettings
from tests.brokers import Broker, wait_until
from tests.proxy import Proxy
from tests.subscribers import Subscriber

HERE, THERE = Address("here"), Address("there")


@pytest.fixture
def connector() -> BrokerConnector:
    """A connector that is told of brokers and calls none."""
    return BrokerConnector(MqttSettings(host="here", fallbacks=(THERE,)))


def test_a_change_is_logged_once_for_each_broker(
    connector: BrokerConnector, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for address in (HERE, HERE, THERE):
        connector.report(address, "unreachable", "cannot be reached")
    connector.report(HERE, "connected", "connected")
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("WARNING", "broker here:1883: cannot be reached"),
        ("WARNING", "broker there:1883: cannot be reached"),
        ("INFO", "broker here:1883: connected"),
    ]


def test_a_broker_that_was_lost_is_not_logged_as_unreachable_as_well(
    connector: BrokerConnector, caplog: pytest.LogCaptureFixture
) -> None:
    connector.report(HERE, "lost", "connection lost")
    connector.report(HERE, "unreachable", "cannot be reached")
    connector.report(HERE, "refused", "refuses this client")
    assert [record.message for record in caplog.records] == [
        "broker here:1883: connection lost",
        "broker here:1883: refuses this client",
    ]


def test_delays_grow_from_half_a_second_to_four_with_jitter(connector: BrokerConnector) -> None:
    delays = [connector.next_delay() for _ in range(20)]
    assert 0.25 <= delays[0] <= 0.5
    assert all(2.0 <= delay <= 4.0 for delay in delays[3:])
    assert len(set(delays)) == 20


def test_a_connection_that_lasted_begins_them_anew_and_a_short_one_does_not(
    connector: BrokerConnector,
) -> None:
    for _ in range(5):
        connector.next_delay()
    connector._connected_at = time.monotonic() - 9.0
    assert connector.next_delay() > 0.5
    connector._connected_at = time.monotonic() - 11.0
    assert connector.next_delay() <= 0.5


def test_a_connection_that_is_no_longer_wanted_ends_in_due_form(broker: Broker) -> None:
    with Proxy(broker.port) as network, Subscriber(broker.host, broker.port) as subscriber:
        settings = MqttSettings(host=broker.host, port=network.port, device="test")
        will = MqttMessage("emotiond/test/availability", b"offline", 1, retain=True)

        stopping, found = threading.Event(), list[MqttClient]()
        connector = BrokerConnector(settings, will=will)
        network.freeze()  # the connection opens, and the broker's answer has to wait
        thread = threading.Thread(target=lambda: found.extend(connector.clients(stopping)))
        thread.start()
        wait_until(lambda: network._sockets)
        stopping.set()
        network.thaw()
        thread.join(10)
        gc.collect()  # a client that was only dropped would end its connection now
        time.sleep(0.3)
        subscriber.catch_up()
        assert found == []
        assert subscriber.payloads("emotiond/test/availability") == []  # no last will
