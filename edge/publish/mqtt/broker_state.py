"""How brokers were last found, and when to look again."""

import logging
import random
import time
from enum import Enum, auto

from edge.publish.mqtt.settings import Address

FIRST_RETRY, LONGEST_RETRY = 0.5, 4.0
"""Seconds; a broker that returns is found within the longest."""

STEADY = 10.0
"""Seconds after which a connection has proved itself: who is thrown out sooner waits longer and
longer, as if the broker were away."""

log = logging.getLogger(__name__)


class BrokerState(Enum):
    """How a broker was last found."""

    UP = auto()
    LOST = auto()
    ABSENT = auto()
    REFUSED = auto()


class BrokerStates:
    """How each broker was last found; the log tells changes, and only changes."""

    def __init__(self) -> None:
        self._links: dict[Address, BrokerState] = {}

    def __len__(self) -> int:
        """How many brokers were tried."""
        return len(self._links)

    def tell(self, address: Address, link: BrokerState, text: str) -> None:
        """Note how a broker was found, and what the log is to say of it."""
        before = self._links.get(address)
        if (before, link) == (BrokerState.LOST, BrokerState.ABSENT):
            return  # where one was lost, none is: that was said
        if link is not before:
            level = logging.INFO if link is BrokerState.UP else logging.WARNING
            log.log(level, "broker %s: %s", address, text)
        self._links[address] = link


class ExponentialBackoff:
    """How long to wait before brokers are tried again: longer each time, up to a limit."""

    def __init__(self) -> None:
        self._tries = 0
        self._found_at: float | None = None

    def found(self) -> None:
        """Note that a broker lets this client in."""
        self._found_at = time.monotonic()

    def next(self) -> float:
        """Return the seconds of the next wait; jitter keeps a fleet from returning all at once."""
        if self._found_at is not None and time.monotonic() - self._found_at >= STEADY:
            self._tries = 0
        self._found_at = None
        delay: float = min(FIRST_RETRY * 2**self._tries, LONGEST_RETRY)
        self._tries = min(self._tries + 1, 10)
        return delay * random.uniform(0.5, 1.0)
