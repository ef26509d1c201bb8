"""The ways that a fleet's events can take, each tried with a whole fleet."""

import time
from collections.abc import Callable
from pathlib import Path

from tests.fleet.devices import Load
from tests.fleet.mosquitto import Fleet, Server
from tests.fleet.rabbitmq import Cluster
from tests.fleet.report import Report
from tests.fleet.run import run_fleet

AWAY = 1.0
"""Seconds between the end of a centre and its return."""


def restart(centre: Server) -> None:
    """End a broker as its service is ended, and start it again a little later."""
    centre.stop()
    time.sleep(AWAY)
    centre.start()


def crash(centre: Server) -> None:
    """End a broker by kill -9, and start it again a little later."""
    centre.kill()
    time.sleep(AWAY)
    centre.start()


def over_mosquitto(
    name: str,
    directory: Path,
    devices: int,
    sites: int,
    load: Load,
    disturb: Callable[[Server], None] = lambda centre: None,
) -> Report:
    """Send events to a central Mosquitto, through the brokers of sites or, without any, directly.

    Args:
        name: what to call it.
        directory: for everything; made by this.
        devices, sites: how many.
        load: what each device publishes.
        disturb: what happens to the centre in the middle.
    """
    directory.mkdir()
    with Fleet(directory, devices, sites) as fleet, fleet.collector() as collector:
        restart(fleet.centre)  # so that it knows its reader by heart, as one that has run for long
        return run_fleet(
            name, fleet.devices, collector, directory / "out", load, lambda: disturb(fleet.centre)
        )


def over_cluster(
    name: str, cluster: Cluster, folder: Path, load: Load, kill: int | None = None
) -> Report:
    """Send events to a RabbitMQ cluster that runs.

    Args:
        name: what to call it.
        cluster: it.
        folder: for the devices' outboxes; made by this.
        load: what each device publishes.
        kill: a node that is ended in the middle.
    """

    def disturb() -> None:
        if kill is not None:
            cluster.kill(kill)

    with cluster.collector() as collector:
        return run_fleet(name, cluster.devices, collector, folder, load, disturb)
