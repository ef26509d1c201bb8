"""Sends a fleet's events one way and reports what came of them."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from edge.publish.mqtt.settings import MqttSettings
from tests.brokers import wait_until
from tests.fleet.collector import Collector
from tests.fleet.devices import Devices, Load, Tally
from tests.fleet.report import Report

PATIENCE = 60.0
"""Seconds for the devices to connect, and again for the last event to arrive."""


def run_fleet(
    name: str,
    settings: Sequence[MqttSettings],
    collector: Collector,
    folder: Path,
    load: Load,
    disturb: Callable[[], None] = lambda: None,
) -> Report:
    """Let all devices connect and publish; disturb them once, when half has arrived.

    Args:
        name: of the way they are sent.
        settings: of the devices.
        collector: who counts, already subscribed.
        folder: for the devices' outboxes.
        load: what each publishes.
        disturb: done in the middle.
    """
    folder.mkdir()
    with Devices(settings, folder, load) as devices:
        _wait(devices, lambda: len(collector.online) == len(settings))
        start = time.monotonic()
        devices.publish()
        half = len(settings) * load.events / 2
        _wait(devices, lambda: len(collector.latency) >= half)
        disturb()
        tallies = devices.tallies(PATIENCE)
        recorded = {id_ for tally in tallies for id_ in tally.recorded}
        with suppress(AssertionError):  # what is missing then is lost
            wait_until(lambda: recorded <= collector.latency.keys(), PATIENCE)
    return _report(name, len(settings), collector, start, recorded, tallies)


def _wait(devices: Devices, condition: Callable[[], bool]) -> None:
    wait_until(lambda: not devices.alive or condition(), PATIENCE)
    assert devices.alive, "a process of devices has ended before its time"


def _report(
    name: str,
    devices: int,
    collector: Collector,
    start: float,
    recorded: set[str],
    tallies: Sequence[Tally],
) -> Report:
    return Report(
        name=name,
        devices=devices,
        recorded=len(recorded),
        lost=len(recorded - collector.latency.keys()),
        dropped=sum(tally.dropped + tally.unsure for tally in tallies),
        repeats=collector.repeats,
        seconds=collector.last - start,
        latency=list(collector.latency.values()),
    )
