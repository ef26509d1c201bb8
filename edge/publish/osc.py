"""OSC sink: tells installations and live programs by Open Sound Control, over UDP."""

import re
import socket
import time
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import msgspec

from edge.errors import CheckResult, ConfigError, failure, ok
from edge.installation import extra_remedy
from edge.publish.mqtt.settings import Address, Host, Port
from edge.publish.queued_sink import QueuedSink
from edge.publish.sink import BaseSinkSettings, SinkContext
from edge.types import DataFlow, EmotionEvent, Expression, FaceSnapshot

if TYPE_CHECKING:
    from pythonosc.udp_client import SimpleUDPClient

LOOK_UP_SECONDS = 60.0
"""After which the address of the host is looked up again: a laptop may get another one."""


class OscSettings(BaseSinkSettings, frozen=True, tag="osc"):
    """A program that takes Open Sound Control: events, and once a second the faces in view.

    What is lost on the way is lost; nothing waits for a program that is not there.

    Attributes:
        address: first part of each message's address; several cameras add their names to it.
    """

    host: Host = "127.0.0.1"
    port: Port = 9000
    address: Annotated[str, msgspec.Meta(pattern=r"^(/[A-Za-z0-9_.-]+)+\Z")] = "/emotiond"

    def __post_init__(self) -> None:
        Address(self.host, self.port)

    @property
    def place(self) -> str:
        """Host and port."""
        return str(Address(self.host, self.port))

    @property
    def targets(self) -> tuple[str, ...]:
        """Host, port and first part of the addresses."""
        return (f"{self.place}{self.address}",)

    def open(self, context: SinkContext) -> "OscSink":
        """Return the sink; its package must be installed."""
        if find_spec("pythonosc") is None:
            text = "needs a package that is not installed: pythonosc"
            raise ConfigError(f"sinks: osc {text}; {extra_remedy('osc')}")
        return OscSink(self)

    def check(self) -> Iterator[CheckResult]:
        """Check that the host is known; by UDP nobody learns whether a program listens there."""
        try:
            socket.getaddrinfo(self.host, self.port, type=socket.SOCK_DGRAM)
        except OSError as error:
            yield failure(f"osc {self.place}", str(error), "check `host`")
        else:
            yield ok(f"osc {self.place}", "is a known host; whether it listens is not told by UDP")

    def data_flows(self, allow_snapshots: bool) -> Iterator[DataFlow]:
        """Yield the events and the faces in view."""
        theirs = "as long as whoever receives keeps it"
        for data, what in (("events", "each face and its expression"), ("faces", "those in view")):
            text = f"{what}, unencrypted"
            yield DataFlow(data, text, "a program, by OSC", self.place, True, theirs)


class OscSink(QueuedSink[EmotionEvent | FaceSnapshot]):
    """Sends each message as a datagram of its own."""

    records = (EmotionEvent, FaceSnapshot)

    def __init__(self, settings: OscSettings) -> None:
        super().__init__("osc")
        self._settings = settings
        self._client: SimpleUDPClient | None = None
        self._look_up_at = 0.0  # on the monotonic clock

    def __str__(self) -> str:
        return f"osc {self._settings.place}"

    def _deliver(self, record: EmotionEvent | FaceSnapshot) -> str:
        root = "/".join(filter(None, (self._settings.address, record.camera_name)))
        try:
            if self._client is None or time.monotonic() >= self._look_up_at:
                self._client = self._look_up()
            for address, values in osc_messages(record):
                self._client.send_message(f"{root}/{address}", values)
        except OSError as error:
            self._client = None
            return f"{error.strerror}; what happens meanwhile is not sent"
        return ""

    def _look_up(self) -> "SimpleUDPClient":
        """Return a client of the address that the host has now; an OSError says it has none."""
        from pythonosc.udp_client import SimpleUDPClient  # for those who have the extra

        self._look_up_at = time.monotonic() + LOOK_UP_SECONDS
        host, port = self._settings.host, self._settings.port
        family, *_, place = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        return SimpleUDPClient(str(place[0]), port, family=family)


def osc_messages(
    record: EmotionEvent | FaceSnapshot,
) -> Iterator[tuple[str, list[str | int | float]]]:
    """Yield addresses and arguments of what is sent; shares of the frame tell where a face is."""
    if isinstance(record, EmotionEvent):
        yield "event", [record.type.value, record.track_id, record.emotion, _share(record)]
    else:
        yield "faces", [len(record.faces)]
        width, height = record.frame_size
        for face in record.faces:
            number, (left, top, right, bottom) = face.track.track_id, face.box.edges
            center = (left + right) / 2 / width, (top + bottom) / 2 / height
            size = (right - left) / width, (bottom - top) / height
            yield "face", [number, face.emotion, _share(face), *center, *size]
            for label, share in (face.probabilities or {}).items():
                name = re.sub(r"[^A-Za-z0-9_-]+", "_", label)  # others have a meaning there
                yield f"probability/{name}", [number, float(share)]


def _share(face: EmotionEvent | Expression) -> float:
    """Return the confidence; 0 where the expression is uncertain."""
    return float(face.confidence or 0.0)
