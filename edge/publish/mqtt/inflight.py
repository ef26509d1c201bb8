"""Events on their way from the outbox to a broker."""

import logging
import time

from paho.mqtt.reasoncodes import ReasonCode

from edge.publish.mqtt.client import publish_properties
from edge.publish.mqtt.connection import WINDOW, BrokerConnection
from edge.publish.mqtt.message import OutgoingMessage
from edge.publish.mqtt.settings import MqttSettings
from edge.publish.outbox import Outbox, PendingEvent

UNWELCOME_RETRY = 15.0
"""Seconds until events are offered again to a broker that lets this client in and refuses them."""

log = logging.getLogger(__name__)


class InflightWindow:
    """Hands events to a connection, a few at a time, and takes the acknowledged from the outbox.

    With each connection it begins anew, with the oldest event that is not acknowledged: so all
    arrive, in order, some of them twice.

    Args:
        settings: of the sink.
        outbox: the events.
    """

    def __init__(self, settings: MqttSettings, outbox: Outbox) -> None:
        self._settings = settings
        self._outbox = outbox
        self._sent = 0
        self._in_flight: dict[int, int] = {}
        self._offer_at = 0.0
        self._unwelcome = False

    def begin(self) -> None:
        """Send from the oldest event on."""
        self._sent = 0
        self._in_flight.clear()

    def settle(self, connection: BrokerConnection) -> None:
        """Take what was acknowledged out of the outbox."""
        settled: list[int] = []
        refusal = None
        while connection.acknowledged:
            message, reason = connection.acknowledged.popleft()
            number = self._in_flight.pop(message, None)
            if number is not None and reason.is_failure:
                refusal = reason
            elif number is not None:
                settled.append(number)
        if settled:
            self._outbox.ack(settled)
        if refusal is not None:
            self._hold_back(connection, refusal)
        elif settled and self._unwelcome:
            self._unwelcome = False
            log.info("broker %s: takes events again", connection.address)

    def send(self, connection: BrokerConnection) -> None:
        """Hand over as many events as may be on their way at once."""
        # One that is accepted must not pass another that was refused a moment ago.
        room = (1 if self._unwelcome else WINDOW) - len(self._in_flight)
        if room <= 0 or time.monotonic() < self._offer_at:
            return
        for entry in self._outbox.pending(self._sent, room):
            self._in_flight[connection.publish(self._letter(entry))] = entry.number
            self._sent = entry.number

    def _hold_back(self, connection: BrokerConnection, refusal: ReasonCode) -> None:
        """Offer no events for a while, and then all again that are not acknowledged."""
        if not self._unwelcome:
            log.warning(
                "broker %s: does not take events: %s; they are kept and offered again",
                *(connection.address, refusal),
            )
        self._unwelcome = True
        self._offer_at = time.monotonic() + UNWELCOME_RETRY
        self.begin()

    def _letter(self, entry: PendingEvent) -> OutgoingMessage:
        properties = publish_properties(
            self._settings,
            ContentType="application/json",
            PayloadFormatIndicator=1,
            # What is too old for the outbox is too old for a subscriber.
            MessageExpiryInterval=max(1, round(self._settings.outbox.age - entry.age)),
        )
        return OutgoingMessage(self._settings.topics.event, entry.payload, 1, properties=properties)
