"""Try a fleet every way and write the table of docs/fleet.md: `python -m tests.fleet`."""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.fleet.devices import Load
from tests.fleet.rabbitmq import Cluster
from tests.fleet.report import HEADER, Report
from tests.fleet.ways import crash, over_cluster, over_mosquitto, restart

SITES = 8


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.fleet", description=__doc__)
    parser.add_argument("--devices", type=int, default=200)
    parser.add_argument("--events", type=int, default=20, help="of each device")
    parser.add_argument("--rate", type=float, default=2.0, help="events a second of each device")
    parser.add_argument("--way", choices=("mosquitto", "rabbitmq"), help="the default is both")
    chosen = parser.parse_args()
    paced, burst = Load(chosen.events, chosen.rate), Load(chosen.events, None)
    _write(HEADER)
    with tempfile.TemporaryDirectory() as folder:
        if chosen.way != "rabbitmq":
            for report in _mosquitto(Path(folder), chosen.devices, paced, burst):
                _write(report.row())
        if chosen.way != "mosquitto":
            for report in _rabbitmq(Path(folder), chosen.devices, paced, burst):
                _write(report.row())


def _mosquitto(folder: Path, devices: int, paced: Load, burst: Load) -> Iterator[Report]:
    for way, sites in (("direct", 0), (f"{SITES} sites", SITES)):
        where = folder / str(sites)
        where.mkdir()
        yield over_mosquitto(way, where / "paced", devices, sites, paced)
        yield over_mosquitto(f"{way}, at once", where / "burst", devices, sites, burst)
        name = f"{way}, centre restarted"
        yield over_mosquitto(name, where / "restart", devices, sites, paced, restart)
        name = f"{way}, centre killed"
        yield over_mosquitto(name, where / "crash", devices, sites, paced, crash)


def _rabbitmq(folder: Path, devices: int, paced: Load, burst: Load) -> Iterator[Report]:
    home = folder / "cluster"
    home.mkdir()
    with Cluster(home, devices) as cluster:
        yield over_cluster("cluster", cluster, folder / "paced", paced)
        yield over_cluster("cluster, at once", cluster, folder / "burst", burst)
        yield over_cluster("cluster, a node killed", cluster, folder / "kill", paced, kill=0)


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
