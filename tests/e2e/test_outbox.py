"""No recorded event is lost, whatever is killed."""

import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.brokers import Broker, wait_until
from tests.proxy import Proxy
from tests.subscribers import Subscriber

EVENTS, PUBLISHERS_KILLED, BROKERS_KILLED = 1000, 5, 10

ROOT = Path(__file__).parent.parent.parent


class Home:
    """A broker that is killed and started again, and a subscriber to whom it gives all it took.

    A broker without a disk forgets what it has acknowledged and not yet passed on, and a subscriber
    misses what comes before it is back; neither would be the daemon's loss. So the daemon is cut
    off, at whatever it is doing, before the broker is killed, and let in again after the
    subscriber.
    """

    def __init__(self, broker: Broker, network: Proxy) -> None:
        self.kills = 0
        self.port = network.port
        self.subscriber = Subscriber(broker.host, broker.port)
        self._broker = broker
        self._network = network

    @property
    def received(self) -> list[str]:
        """The ids of all events so far; some came twice."""
        return [event["id"] for event in self.subscriber.payloads("emotiond/test/event")]

    def kill_broker(self) -> None:
        self._network.cut()
        self.subscriber.catch_up()
        self._broker.kill()
        self._broker.start()
        wait_until(lambda: self.subscriber._subscribed)
        self.subscriber.catch_up()
        self._network.open()
        self.kills += 1


@pytest.fixture
def home(broker: Broker) -> Iterator[Home]:
    with Proxy(broker.port) as network:
        home = Home(broker, network)
        with home.subscriber:
            yield home


def publish(home: Home, outbox: Path, count: int, killed_after: int | None) -> list[str]:
    """Publish in a process of its own, which may be killed; return the ids it announced."""
    arguments = [str(home.port), str(outbox), str(count)]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.e2e.publisher", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    announced = []
    for line in process.stdout:
        announced.append(line.strip())
        if len(announced) == killed_after:
            process.kill()
    process.wait(60)
    return [one for one in announced if len(one) == 36]  # a line may have been cut


def kill_brokers(home: Home, count: int, dice: random.Random) -> None:
    for _ in range(count):
        time.sleep(dice.uniform(0.3, 1.2))
        home.kill_broker()


def test_a_thousand_events_outlive_ten_kills_of_the_broker_and_five_of_the_daemon(
    tmp_path: Path, home: Home
) -> None:
    dice, announced, outbox = random.Random(6), list[str](), tmp_path / "outbox.sqlite"
    for life in range(PUBLISHERS_KILLED + 1):
        left = EVENTS - len(announced)
        killed_after = dice.randint(100, 190) if life < PUBLISHERS_KILLED else None
        killer = threading.Thread(target=kill_brokers, args=(home, 2, dice))
        killer.start()
        announced += publish(home, outbox, left, killed_after)
        killer.join()
    wait_until(lambda: set(announced) <= set(home.received), seconds=60)
    assert home.kills >= BROKERS_KILLED
    assert len(set(announced)) == len(announced) >= EVENTS
    # Once repeats are dropped by their id, they stand in the order in which they were announced.
    known = set(announced)
    assert [one for one in dict.fromkeys(home.received) if one in known] == announced
