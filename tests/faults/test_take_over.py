"""Two daemons with one client id: each names the cause once, and no more until it is gone."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.publish.mqtt.sink import MqttSink
from edge.publish.sink import SinkContext
from tests.brokers import Broker, wait_until
from tests.edge.publish.mqtt.publishers import settings
from tests.events import status
from tests.faults import fault

CAUSE = "has the client id emotiond_test; give each emotiond a `device` of its own"


@pytest.fixture(autouse=True)
def soon_stable(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Let a connection prove itself in a time that a test can wait for."""
    monkeypatch.setattr("edge.publish.mqtt.session.STABLE_SECONDS", 5.0)
    caplog.set_level(logging.INFO, "edge.publish.mqtt")


@pytest.fixture
def pair(
    needs_mosquitto: None, broker: Broker, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[tuple[MqttSink, MqttSink]]:
    """Run two sinks of one device, each with an outbox of its own, as on two machines."""
    fields: dict[str, Any] = {"protocol": request.param}
    first, second = (
        settings(broker.port, **fields).open(SinkContext(tmp_path / f"{name}.sqlite"))
        for name in "ab"
    )
    for sink in (first, second):
        sink.publish(status())
        sink.start()
        wait_until(lambda: sink.connected)  # noqa: B023
    yield first, second
    first.close(0.5)
    second.close(0.5)


@fault(
    "broker",
    "two daemons with one client id",
    seen="one line that names the likely cause; one when it is over",
    recovery="another `device`",
)
@pytest.mark.parametrize("pair", ["3.1.1", 5], indirect=True)
def test_the_likely_cause_is_named_once_by_each_and_its_end_once(
    pair: tuple[MqttSink, MqttSink], caplog: pytest.LogCaptureFixture
) -> None:
    wait_until(lambda: caplog.text.count(CAUSE) == 2, 40)
    named = len(caplog.records)
    time.sleep(6)  # each takes the other's place some times more
    assert len(caplog.records) == named
    assert "Unspecified error" not in caplog.text
    assert named <= 16
    pair[1].close(0.5)
    wait_until(lambda: caplog.records[-1].message.endswith(": connected"), 20)
    assert len(caplog.records) == named + 1
