"""Webhook sink: posts each event as JSON to a web server, from the outbox until it takes it."""

import hashlib
import hmac
import logging
import random
import re
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Self
from urllib.parse import SplitResult, urlsplit

import msgspec

from edge import __version__
from edge.errors import CheckResult, ConfigError, failure, ok
from edge.paths import sha256_of
from edge.publish.events import encode_event
from edge.publish.mqtt.settings import TlsSettings
from edge.publish.outbox import OutboxSettings
from edge.publish.outbox_sink import OutboxSink
from edge.publish.sink import BaseSinkSettings, SinkContext
from edge.secrets import SecretRef
from edge.types import DataFlow, EmotionEvent, SinkRecord

if TYPE_CHECKING:
    from http.client import HTTPConnection

FIRST_RETRY_DELAY, MAX_RETRY_DELAY = 1.0, 60.0  # seconds between two tries; each is doubled
MAX_STATUS_LINE = 1024  # bytes of an answer that are read at most: only its first line counts

log = logging.getLogger(__name__)


class WebhookSettings(BaseSinkSettings, frozen=True, tag="webhook"):
    """A web address that each event is posted to, in order, until it answers 200 to 299.

    Attributes:
        url: http:// or https://; redirects are not followed.
        secret: the key of the HMAC-SHA256 of each body, in the header `X-Emotiond-Signature`.
        tls: authorities and the client certificate, for https.
        timeout_s: seconds within which it must answer.
        outbox: bounds of what waits on disk until it was taken.
    """

    url: Annotated[str, msgspec.Meta(pattern=r"^https?://[!-~]+\Z")]
    secret: SecretRef | None = None
    tls: TlsSettings = TlsSettings()
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=60)] = 10.0
    outbox: OutboxSettings = OutboxSettings()

    def __post_init__(self) -> None:
        parts = self.parts
        if not parts.hostname or "@" in parts.netloc or parts.port == 0:
            raise ValueError("Expected `url` with a host, and without user and password")

    @property
    def parts(self) -> SplitResult:
        """The parts of the address."""
        return urlsplit(self.url)

    @property
    def place(self) -> str:
        """The address without what may be secret in it: its path and query."""
        return f"{self.parts.scheme}://{self.parts.netloc}"

    @property
    def outbox_name(self) -> str:
        """A digest of the address: what waits goes to no other."""
        return f"webhook@{sha256_of(self.url.encode())[:8]}"

    @property
    def targets(self) -> tuple[str, ...]:
        """The address, told by its digest."""
        return (f"{self.place} ({self.outbox_name})",)

    def open(self, context: SinkContext) -> "WebhookSink":
        """Return the sink, not yet started; secret and TLS files must be usable."""
        return WebhookSink(self, context)

    def connect(self) -> "HTTPConnection":
        """Return a connection, not yet opened; a ConfigError says that TLS cannot be used."""
        from http.client import HTTPConnection, HTTPSConnection  # for those who have a webhook

        parts, timeout = self.parts, self.timeout_s
        assert parts.hostname is not None
        if parts.scheme == "http":
            return HTTPConnection(parts.hostname, parts.port, timeout=timeout)
        context = self.tls.context()
        return HTTPSConnection(parts.hostname, parts.port, timeout=timeout, context=context)

    def check(self) -> Iterator[CheckResult]:
        """Check that somebody listens at the address, and by TLS who that is."""
        subject = f"webhook {self.place}"
        try:
            with closing(self.connect()) as connection:
                connection.connect()
        except (OSError, ConfigError) as error:
            yield failure(subject, str(error), "check `url` and `tls`, and whether it runs")
        else:
            yield ok(subject, "listens")

    def redacted(self) -> Self:
        """Return a copy without path and query, by which a receiver may know its senders."""
        return msgspec.structs.replace(self, url=f"{self.place}/(hidden)")

    def data_flows(self, allow_snapshots: bool) -> Iterator[DataFlow]:
        """Yield the events."""
        how = "" if self.parts.scheme == "https" else ", unencrypted"
        theirs = "as long as whoever receives keeps it"
        what = f"each face, its expression and place{how}"
        yield DataFlow("events", what, "a web server", self.place, True, theirs)


class WebhookSink(OutboxSink):
    """Posts events in turn; after a kill, one not acknowledged comes again with the same id."""

    def __init__(self, settings: WebhookSettings, context: SinkContext) -> None:
        super().__init__("webhook", settings.outbox, context)
        settings.connect()  # what is wrong with it is said now
        self._settings = settings
        self._key = settings.secret.resolve().encode() if settings.secret else None
        self._news, self._retry_at, self._failures = threading.Event(), 0.0, 0

    @property
    def connected(self) -> bool:
        """Tell whether the latest event was taken."""
        return not self._failures

    @property
    def status_text(self) -> str | None:
        """The address and how many events wait, while it does not take them."""
        return f"{self} takes no events, {self.waiting} wait" if self._failures else None

    def __str__(self) -> str:
        return f"webhook {self._settings.place}"

    def publish(self, record: SinkRecord) -> None:
        """Take an event; other records are ignored."""
        self._raise_error()
        if isinstance(record, EmotionEvent):
            self.publish_event(encode_event(record))

    def _wake(self) -> None:
        self._news.set()

    def _deliver(self) -> None:
        waiting = self._outbox.pending(0, 1)
        delay = self._retry_at - time.monotonic()
        if delay > 0 or not waiting:
            self._news.wait(min(delay, 1.0) if delay > 0 else 1.0)
            self._news.clear()
            return
        try:
            self._post(waiting[0].payload)
        except (OSError, ConfigError) as error:
            if not self._failures:
                log.warning("%s: %s; events are kept and it is tried again", self, error)
            backoff = min(FIRST_RETRY_DELAY * 2**self._failures, MAX_RETRY_DELAY)
            self._retry_at = time.monotonic() + backoff * random.uniform(0.5, 1.0)
            self._failures = min(self._failures + 1, 10)
            return
        if self._failures:
            log.info("%s: takes events again", self)
        self._failures = 0
        self._outbox.ack([waiting[0].number])

    def _post(self, body: bytes) -> None:
        """Post an event, or raise an OSError or ConfigError that says why it was not taken."""
        parts, deadline = self._settings.parts, time.monotonic() + self._settings.timeout_s
        headers = {"Content-Type": "application/json", "User-Agent": f"emotiond/{__version__}"}
        if self._key is not None:
            digest = hmac.new(self._key, body, hashlib.sha256).hexdigest()
            headers["X-Emotiond-Signature"] = f"sha256={digest}"
        with closing(self._settings.connect()) as connection:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", target, body, headers)
            line = part = connection.sock.recv(MAX_STATUS_LINE)
            while part and b"\n" not in line and len(line) < MAX_STATUS_LINE:
                # By hand: http.client would wait for each byte anew.
                connection.sock.settimeout(max(0.001, deadline - time.monotonic()))
                part = connection.sock.recv(MAX_STATUS_LINE)
                line += part
        answer = re.match(rb"HTTP/1\.\d ([1-5])\d\d\b", line)
        if answer is None:
            raise OSError("expected an answer by HTTP, found none")
        remedy = ", which redirects; let `url` be the last address" if answer[1] == b"3" else ""
        if answer[1] != b"2":
            raise OSError(f"answers {answer[0][-3:].decode()}{remedy}")
