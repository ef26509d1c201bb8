"""Events that wait for whoever is to have them, in memory and on disk."""

from edge.publish.outbox.event_queue import OutboxSettings
from edge.publish.outbox.outbox import Outbox, PendingEvent

__all__ = ["Outbox", "OutboxSettings", "PendingEvent"]
