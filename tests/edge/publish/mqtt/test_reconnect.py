import gc
import logging
import threading
import time

import pytest

from edge.publish.mqtt.client import Wakeup
from edge.publish.mqtt.reconnect import BrokerState, ConnectAttempt, ReconnectPolicy
from edge.publish.mqtt.settings import Address, MqttSettings
from tests.brokers import Broker, wait_until
from tests.proxy import Proxy
from tests.subscribers import Subscriber

HERE, THERE = Address("here"), Address("there")


def test_a_change_is_logged_once_for_each_broker(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    policy = ReconnectPolicy()
    for address in (HERE, HERE, THERE):
        policy.report(address, BrokerState.UNREACHABLE, "cannot be reached")
    policy.report(HERE, BrokerState.CONNECTED, "connected")
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("WARNING", "broker here:1883: cannot be reached"),
        ("WARNING", "broker there:1883: cannot be reached"),
        ("INFO", "broker here:1883: connected"),
    ]


def test_a_broker_that_was_lost_is_not_logged_as_unreachable_as_well(
    caplog: pytest.LogCaptureFixture,
) -> None:
    policy = ReconnectPolicy()
    policy.report(HERE, BrokerState.LOST, "connection lost")
    policy.report(HERE, BrokerState.UNREACHABLE, "cannot be reached")
    policy.report(HERE, BrokerState.REFUSED, "refuses this client")
    assert [record.message for record in caplog.records] == [
        "broker here:1883: connection lost",
        "broker here:1883: refuses this client",
    ]


def test_delays_grow_from_half_a_second_to_four_with_jitter() -> None:
    policy = ReconnectPolicy()
    delays = [policy.next_delay() for _ in range(20)]
    assert 0.25 <= delays[0] <= 0.5
    assert all(2.0 <= delay <= 4.0 for delay in delays[3:])
    assert len(set(delays)) == 20


def test_a_connection_that_lasted_begins_them_anew_and_a_short_one_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    policy = ReconnectPolicy()
    for _ in range(5):
        policy.next_delay()
    policy.report(HERE, BrokerState.CONNECTED, "connected")
    assert policy.next_delay() > 0.5
    monkeypatch.setattr("edge.publish.mqtt.reconnect.STABLE_SECONDS", 0.0)
    policy.report(HERE, BrokerState.CONNECTED, "connected")
    assert policy.next_delay() <= 0.5


def test_an_attempt_that_is_cancelled_ends_its_connection_in_due_form(broker: Broker) -> None:
    settings = MqttSettings(host=broker.host, port=broker.port, device="test")
    with Proxy(broker.port) as network, Subscriber(broker.host, broker.port) as subscriber:
        network.freeze()  # the connection opens, and the broker's answer has to wait
        wakeup = Wakeup()
        attempt = ConnectAttempt(settings, Address(broker.host, network.port), wakeup)
        wait_until(lambda: network._sockets)
        attempt.cancel()
        wakeup.close()
        network.thaw()
        wait_until(lambda: "mqtt-connect" not in {one.name for one in threading.enumerate()})
        gc.collect()  # a client that was only dropped would end its connection now
        time.sleep(0.3)
        subscriber.catch_up()
        assert attempt.result is None
        assert subscriber.payloads("emotiond/test/availability") == []  # no last will
