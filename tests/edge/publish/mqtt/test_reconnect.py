import logging

import pytest

from edge.publish.mqtt.reconnect import BrokerState, ReconnectPolicy
from edge.publish.mqtt.settings import Address

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
