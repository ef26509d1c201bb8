"""Events that wait until the broker has acknowledged them, in memory and on disk."""

from edge.publish.outbox.outbox import Outbox, OutboxSettings
from edge.publish.outbox.sqlite_store import PendingEvent, SystemClock

__all__ = ["Outbox", "OutboxSettings", "PendingEvent", "SystemClock"]
