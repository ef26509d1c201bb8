"""A try to reach a broker."""

import threading

from edge.publish.mqtt.connection import BrokerConnection
from edge.publish.mqtt.message import OutgoingMessage
from edge.publish.mqtt.settings import Address, MqttSettings
from edge.publish.mqtt.wakeup import WakeupSocket


class ConnectAttempt:
    """Opens a connection in a thread of its own: nobody else has to wait for names and handshakes.

    Args:
        settings: how the broker is spoken to.
        address: which broker.
        will: what the broker publishes when this client vanishes.
        wake: set at the end.

    Attributes:
        done: whether it has ended, in success or not.
        connection: what is open then; None where there is none.
        error: what kept it from being opened.
    """

    def __init__(
        self, settings: MqttSettings, address: Address, will: OutgoingMessage, wake: WakeupSocket
    ) -> None:
        self.done = False
        self.connection: BrokerConnection | None = None
        self.error: Exception | None = None
        self._settings = settings
        self._address = address
        self._will = will
        self._wake = wake
        self._wanted = True
        self._lock = threading.Lock()
        threading.Thread(target=self._run, name="dialing", daemon=True).start()

    def abandon(self) -> None:
        """Let nobody have the connection: it is closed as soon as it is open."""
        with self._lock:
            self._wanted = False
            connection, self.connection = self.connection, None
        if connection is not None:
            connection.close()

    def _run(self) -> None:
        connection = None
        try:
            connection = BrokerConnection(self._settings, self._address, will=self._will)
            connection.open()
        except Exception as error:  # whoever asked for it is to be told
            self.error = error
        with self._lock:
            if self._wanted and self.error is None:
                self.connection, connection = connection, None
        if connection is not None:
            connection.close()
        self.done = True
        self._wake.set()
