"""A subscriber that finds its broker again by itself."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

from edge.publish.mqtt.broker_state import BrokerState, BrokerStates, ExponentialBackoff
from edge.publish.mqtt.client import ConnectionLost, ConnectionRefusedByBroker, describe
from edge.publish.mqtt.message import IncomingMessage
from edge.publish.mqtt.session import MqttSession
from edge.publish.mqtt.settings import Address, MqttSettings


class MqttSubscriber:
    """Hears what is published, from the first broker that is there, for as long as it takes.

    What is published while no broker is connected is not heard; what is retained is heard again
    after each return. The log tells when a broker goes and comes, once each time.

    Args:
        settings: which brokers, and how they are spoken to.
        topics: what to subscribe to.
        hear: takes each message, in the thread that runs `listen`.

    Attributes:
        listening: set while a broker has granted all topics.
    """

    def __init__(
        self,
        settings: MqttSettings,
        topics: Sequence[str],
        hear: Callable[[IncomingMessage], None],
    ) -> None:
        self.listening = threading.Event()
        self._settings = settings
        self._topics = topics
        self._hear = hear
        self._stopping = threading.Event()
        self._links = BrokerStates()
        self._patience = ExponentialBackoff()

    def listen(self) -> None:
        """Listen until `stop` is called.

        Raises:
            ConfigError: a secret or a TLS file cannot be used.
        """
        while not self._stopping.is_set():
            for address in self._settings.addresses:
                self._listen_to(address)
            self._stopping.wait(self._patience.next())

    def stop(self) -> None:
        """Let `listen` end soon."""
        self._stopping.set()

    def _listen_to(self, address: Address) -> None:
        """Pass on what one broker says, for as long as it lasts."""
        with closing(MqttSession(self._settings, address, "listen")) as visit:
            for message in self._messages(visit):
                self._hear(message)
            self.listening.clear()

    def _messages(self, visit: MqttSession) -> Iterator[IncomingMessage]:
        try:
            visit.open()
            visit.subscribe(self._topics)
            self._welcome(visit.address)
            while not self._stopping.is_set():
                while visit.heard:
                    yield visit.heard.popleft()
                visit.step()
        except ConnectionRefusedByBroker as error:
            self._links.tell(visit.address, BrokerState.REFUSED, describe(error))
        except ConnectionLost as error:
            self._links.tell(visit.address, BrokerState.LOST, describe(error))
        except OSError as error:
            self._links.tell(visit.address, BrokerState.ABSENT, describe(error))

    def _welcome(self, address: Address) -> None:
        self._patience.found()
        self._links.tell(address, BrokerState.UP, f"listening to {', '.join(self._topics)}")
        self.listening.set()
