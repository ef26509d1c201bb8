"""A subscriber that finds its broker again by itself."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

from edge.publish.mqtt.broker_state import Link, Links, Patience
from edge.publish.mqtt.client import Gone, Refused, describe
from edge.publish.mqtt.message import Message
from edge.publish.mqtt.session import Visit
from edge.publish.mqtt.settings import Address, MqttSettings


class Listener:
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
        hear: Callable[[Message], None],
    ) -> None:
        self.listening = threading.Event()
        self._settings = settings
        self._topics = topics
        self._hear = hear
        self._stopping = threading.Event()
        self._links = Links()
        self._patience = Patience()

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
        with closing(Visit(self._settings, address, "listen")) as visit:
            for message in self._messages(visit):
                self._hear(message)
            self.listening.clear()

    def _messages(self, visit: Visit) -> Iterator[Message]:
        try:
            visit.open()
            visit.subscribe(self._topics)
            self._welcome(visit.address)
            while not self._stopping.is_set():
                while visit.heard:
                    yield visit.heard.popleft()
                visit.step()
        except Refused as error:
            self._links.tell(visit.address, Link.REFUSED, describe(error))
        except Gone as error:
            self._links.tell(visit.address, Link.LOST, describe(error))
        except OSError as error:
            self._links.tell(visit.address, Link.ABSENT, describe(error))

    def _welcome(self, address: Address) -> None:
        self._patience.found()
        self._links.tell(address, Link.UP, f"listening to {', '.join(self._topics)}")
        self.listening.set()
