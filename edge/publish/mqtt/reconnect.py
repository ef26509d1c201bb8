"""Reaching a broker: tries in the background, the pauses between them, and what the log says."""

import logging
import random
import threading
import time
from enum import Enum, auto

from edge.publish.mqtt.client import MqttClient, MqttMessage, Wakeup
from edge.publish.mqtt.settings import Address, MqttSettings

FIRST_RETRY_DELAY, MAX_RETRY_DELAY = 0.5, 4.0
"""Seconds; a broker that returns is found within the longest."""

STABLE_SECONDS = 10.0
"""After which a connection has proved itself. A client that is thrown out sooner waits longer and
longer, as if the broker were away."""

log = logging.getLogger(__name__)


class BrokerState(Enum):
    """What became of the last try to reach a broker."""

    CONNECTED = auto()
    LOST = auto()
    UNREACHABLE = auto()
    REFUSED = auto()


class ReconnectPolicy:
    """Tells when brokers are tried again, and logs changes of their state, and only changes."""

    def __init__(self) -> None:
        self._states: dict[Address, BrokerState] = {}
        self._failures = 0
        self._connected_at: float | None = None

    @property
    def has_tried(self) -> bool:
        """Whether any broker was tried yet."""
        return bool(self._states)

    def report(self, address: Address, state: BrokerState, text: str) -> None:
        """Note the state of a broker, and what the log is to say of it."""
        before = self._states.get(address)
        if state is BrokerState.CONNECTED:
            self._connected_at = time.monotonic()
        if (before, state) == (BrokerState.LOST, BrokerState.UNREACHABLE):
            return  # that it was lost was said
        if state is not before:
            level = logging.INFO if state is BrokerState.CONNECTED else logging.WARNING
            log.log(level, "broker %s: %s", address, text)
        self._states[address] = state

    def next_delay(self) -> float:
        """Return the seconds to wait now: more each time, with jitter, so that a fleet spreads."""
        connected_at, self._connected_at = self._connected_at, None
        if connected_at is not None and time.monotonic() - connected_at >= STABLE_SECONDS:
            self._failures = 0
        delay: float = min(FIRST_RETRY_DELAY * 2**self._failures, MAX_RETRY_DELAY)
        self._failures = min(self._failures + 1, 10)
        return delay * random.uniform(0.5, 1.0)


class ConnectAttempt:
    """Connects in a thread of its own: nobody else waits for name servers and handshakes.

    Attributes:
        result: the client that is connected, or why there is none; None until then.
    """

    def __init__(self, settings: MqttSettings, address: Address, wakeup: Wakeup) -> None:
        self.result: MqttClient | Exception | None = None
        self._settings = settings
        self._address = address
        self._wakeup = wakeup
        self._cancelled = False
        self._lock = threading.Lock()
        threading.Thread(target=self._run, name="mqtt-connect", daemon=True).start()

    def cancel(self) -> None:
        """Disconnect as soon as it is connected."""
        with self._lock:
            self._cancelled = True
        if isinstance(self.result, MqttClient):
            self.result.disconnect()

    def _run(self) -> None:
        result: MqttClient | Exception
        try:
            will = MqttMessage(self._settings.topics.availability, b"offline", 1, retain=True)
            result = MqttClient(self._settings, self._address, will=will)
            result.connect()
        except Exception as error:  # whoever asked for it is to know
            result = error
        with self._lock:
            if not self._cancelled:
                self.result = result
        if self.result is None and isinstance(result, MqttClient):
            result.disconnect()
        self._wakeup.set()
