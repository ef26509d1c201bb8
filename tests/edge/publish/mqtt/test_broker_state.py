import logging

import pytest

from edge.publish.mqtt.broker_state import (
    FIRST_RETRY,
    LONGEST_RETRY,
    BrokerState,
    BrokerStates,
    ExponentialBackoff,
)
from edge.publish.mqtt.settings import Address

HERE, THERE = Address("here"), Address("there")


def test_a_change_is_told_once_for_each_broker(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    links = BrokerStates()
    for address in (HERE, HERE, THERE):
        links.tell(address, BrokerState.ABSENT, "cannot be reached")
    links.tell(HERE, BrokerState.UP, "connected")
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("WARNING", "broker here:1883: cannot be reached"),
        ("WARNING", "broker there:1883: cannot be reached"),
        ("INFO", "broker here:1883: connected"),
    ]


def test_a_broker_that_was_lost_is_not_told_to_be_absent_as_well(
    caplog: pytest.LogCaptureFixture,
) -> None:
    links = BrokerStates()
    links.tell(HERE, BrokerState.LOST, "connection lost")
    links.tell(HERE, BrokerState.ABSENT, "cannot be reached")
    links.tell(HERE, BrokerState.REFUSED, "refuses this client")
    assert [record.message for record in caplog.records] == [
        "broker here:1883: connection lost",
        "broker here:1883: refuses this client",
    ]


def test_waits_grow_up_to_a_limit_with_jitter() -> None:
    patience = ExponentialBackoff()
    waits = [patience.next() for _ in range(20)]
    assert FIRST_RETRY / 2 <= waits[0] <= FIRST_RETRY
    assert all(LONGEST_RETRY / 2 <= wait <= LONGEST_RETRY for wait in waits[3:])
    assert len(set(waits)) == 20


def test_a_connection_that_lasted_begins_them_anew_and_a_short_one_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    patience = ExponentialBackoff()
    for _ in range(5):
        patience.next()
    patience.found()
    assert patience.next() > FIRST_RETRY
    monkeypatch.setattr("edge.publish.mqtt.broker_state.STEADY", 0.0)
    patience.found()
    assert patience.next() <= FIRST_RETRY
