"""The thread that finds a broker and carries everything to it."""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence

from paho.mqtt.reasoncodes import ReasonCode

from edge.errors import ConfigError
from edge.pipeline.worker import Worker
from edge.publish.mqtt.broker_state import BrokerState, BrokerStates, ExponentialBackoff
from edge.publish.mqtt.client import ConnectionRefusedByBroker, describe
from edge.publish.mqtt.connect_attempt import ConnectAttempt
from edge.publish.mqtt.connection import GOODBYE_SECONDS, BrokerConnection
from edge.publish.mqtt.inflight import InflightWindow
from edge.publish.mqtt.message import IncomingMessage, OutgoingMessage
from edge.publish.mqtt.retained import RetainedMessages
from edge.publish.mqtt.settings import Address, MqttSettings
from edge.publish.mqtt.wakeup import WakeupSocket
from edge.publish.outbox import Outbox

WAIT = 0.3
"""Seconds to wait for something to do before a heartbeat is shown."""

MOST_LETTERS = 100
"""Letters that wait for a broker; beyond, the oldest is let go. They are what is retained nowhere
and worth nothing later, and the latest lines of the log."""

PATIENCE = "events are kept and it is tried again"

log = logging.getLogger(__name__)


class MqttPublisher:
    """Keeps a connection to the first broker that is there, and carries to it what waits.

    Events go first. A connection that was lost is never used again: each has a client of its own.

    Args:
        settings: which brokers, and how they are spoken to.
        outbox: the events.
        board: what the broker retains.
        subscriptions: topics to hear.
        hear: takes each message that comes.
        chores: done at every step.

    Attributes:
        connections: how often a broker let this client in.
    """

    def __init__(
        self,
        settings: MqttSettings,
        outbox: Outbox,
        board: RetainedMessages,
        *,
        subscriptions: Sequence[str],
        hear: Callable[[IncomingMessage], None],
        chores: Callable[[], None],
    ) -> None:
        self.connections = 0
        self._settings = settings
        self._outbox = outbox
        self._board = board
        self._subscriptions = subscriptions
        self._hear = hear
        self._chores = chores
        self._letters: deque[OutgoingMessage] = deque(maxlen=MOST_LETTERS)
        self._wake = WakeupSocket()
        self._links = BrokerStates()
        self._address = settings.addresses[0]
        self._untried = deque[Address]()
        self._patience = ExponentialBackoff()
        self._retry_at = 0.0
        self._dialing: ConnectAttempt | None = None
        self._connection: BrokerConnection | None = None
        self._delivery = InflightWindow(settings, outbox)
        self._stage = Worker("mqtt", self._step, finish=lambda: None)

    @property
    def up(self) -> bool:
        """Whether a broker is connected."""
        return self._connection is not None and self._connection.ended is None

    @property
    def address(self) -> str:
        """The broker that is connected or was tried last."""
        return str(self._address)

    @property
    def error(self) -> Exception | None:
        """What ended the thread, where it failed."""
        return self._stage.error

    def start(self) -> None:
        """Look for a broker, now and for as long as it takes."""
        self._stage.start()

    def wake(self) -> None:
        """Say that there is something new to carry."""
        self._wake.set()

    def send(self, letter: OutgoingMessage) -> None:
        """Have a letter carried when a broker is there."""
        self._letters.append(letter)
        self.wake()

    def stop(self, timeout: float) -> None:
        """Carry what can be carried within `timeout` seconds, say goodbye, end."""
        deadline = time.monotonic() + timeout
        while self._has_prospects() and not self._idle() and time.monotonic() < deadline:
            time.sleep(0.02)
        self._stage.stop()
        self.wake()
        self._stage.join(1.0)
        if self._dialing is not None:
            self._dialing.abandon()
        if self._connection is not None:
            self._leave(self._connection)
        self._wake.close()

    def _has_prospects(self) -> bool:
        """Tell whether what waits may still be carried soon; the disk keeps what is not."""
        return self._stage.alive and (self.up or not self._links or not self._outbox.durable)

    def _idle(self) -> bool:
        """Tell whether nothing waits to be carried."""
        return not self._letters and not len(self._outbox)

    def _step(self) -> None:
        """Wait for something to do, and do it."""
        connection = self._connection
        if connection is None:
            self._seek()
        elif connection.ended is not None:
            self._lose(connection)
        else:
            connection.turn(WAIT, self._wake)
            self._take_in(connection)
        self._chores()
        if self._connection is not None:
            self._carry(self._connection)

    def _take_in(self, connection: BrokerConnection) -> None:
        """Read off what came."""
        self._delivery.settle(connection)
        while connection.heard:
            self._hear(connection.heard.popleft())
        while connection.granted:
            self._tell_unheard(connection.granted.popleft())

    def _tell_unheard(self, reasons: Sequence[ReasonCode]) -> None:
        """Warn of what this client may not subscribe to."""
        for topic, reason in zip(self._subscriptions, reasons, strict=False):
            if reason.is_failure:
                log.warning("broker %s: does not let this client hear %s", self._address, topic)

    def _carry(self, connection: BrokerConnection) -> None:
        """Hand what waits to the client: events first, then what follows from them."""
        self._delivery.send(connection)
        for letter in self._board.take():
            connection.publish(letter)
        while self._letters:
            connection.publish(self._letters.popleft())

    def _seek(self) -> None:
        """Try the next broker, when it is time."""
        wait = self._retry_at - time.monotonic()
        if self._dialing is not None:
            self._look_after(self._dialing)
        elif wait > 0:
            self._wake.wait(min(wait, WAIT))
        else:
            self._dial()

    def _dial(self) -> None:
        if not self._untried:
            self._untried.extend(self._settings.addresses)
        self._address = self._untried.popleft()
        will = OutgoingMessage(self._settings.topics.availability, b"offline", 1, retain=True)
        self._dialing = ConnectAttempt(self._settings, self._address, will, self._wake)

    def _look_after(self, dialing: ConnectAttempt) -> None:
        """See what came of a try, once it is over."""
        if not dialing.done:
            self._wake.wait(WAIT)
            return
        self._dialing = None
        if dialing.connection is not None:
            self._welcome(dialing.connection)
        elif isinstance(dialing.error, ConfigError):
            self._miss(BrokerState.REFUSED, f"{dialing.error}; {PATIENCE}")
        elif isinstance(dialing.error, ConnectionRefusedByBroker):
            self._miss(BrokerState.REFUSED, describe(dialing.error))
        elif isinstance(dialing.error, OSError):
            self._miss(BrokerState.ABSENT, f"{describe(dialing.error)}; {PATIENCE}")
        elif dialing.error is not None:
            raise dialing.error

    def _welcome(self, connection: BrokerConnection) -> None:
        self.connections += 1
        self._patience.found()
        self._untried.clear()
        self._delivery.begin()
        self._board.renew()
        connection.subscribe(self._subscriptions)
        self._connection = connection
        self._links.tell(self._address, BrokerState.UP, "connected")
        self.wake()

    def _miss(self, link: BrokerState, text: str) -> None:
        """Note that a broker is not to be had; after the last of them, wait."""
        self._links.tell(self._address, link, text)
        if not self._untried:
            self._wait()

    def _lose(self, connection: BrokerConnection) -> None:
        self._connection = None
        connection.close()
        text = f"connection lost: {connection.ended}; {PATIENCE}"
        self._links.tell(self._address, BrokerState.LOST, text)
        self._wait()

    def _wait(self) -> None:
        """Set the time of the next try."""
        self._retry_at = time.monotonic() + self._patience.next()

    def _leave(self, connection: BrokerConnection) -> None:
        """Say goodbye where there is somebody to hear it."""
        topic = self._settings.topics.availability
        farewell = connection.publish(OutgoingMessage(topic, b"offline", 1, retain=True))
        deadline = time.monotonic() + GOODBYE_SECONDS
        waiting = True
        while waiting and connection.ended is None and time.monotonic() < deadline:
            connection.turn(0.05)
            waiting = all(message != farewell for message, _ in connection.acknowledged)
        self._delivery.settle(connection)
        connection.close()
        self._connection = None
