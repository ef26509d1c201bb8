"""OSC sink: tells installations and live programs by Open Sound Control, over UDP."""

import re
import socket
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from typing import Annotated, Any

import msgspec

from edge.errors import CheckResult, ConfigError, failure, ok
from edge.paths import extra_remedy
from edge.publish.mqtt.settings import Address, Host, Port
from edge.publish.sink import BaseSinkSettings, QueuedSink, SinkContext
from edge.types import DataFlow, EmotionEvent, FaceSnapshot


class OscSettings(BaseSinkSettings, frozen=True, tag="osc"):
    """A program that takes Open Sound Control: events, and once a second the faces in view.

    What is lost on the way is lost; nothing waits for a program that is not there.

    Attributes:
        host, port: where it listens.
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
            text = "sinks: osc needs a package that is not installed: pythonosc"
            raise ConfigError(f"{text}; {extra_remedy('osc')}")
        return OscSink(self)

    def look_up(self) -> tuple[Any, ...]:
        """Return where the host is now, as `socket.getaddrinfo`; an OSError says it is nowhere."""
        return socket.getaddrinfo(self.host, self.port, type=socket.SOCK_DGRAM)[0]

    def check(self) -> Iterator[CheckResult]:
        """Check that the host is known; by UDP nobody learns whether a program listens there."""
        try:
            self.look_up()
        except OSError as error:
            yield failure(f"osc {self.place}", str(error), "check `host`")
        else:
            yield ok(f"osc {self.place}", "is a known host; whether it listens is not told by UDP")

    def data_flows(self, allow_snapshots: bool) -> Iterator[DataFlow]:
        """Yield the events and the faces in view."""
        leaves = self.host not in {"127.0.0.1", "::1", "localhost"}
        for data, what in (("events", "each face and its expression"), ("faces", "those in view")):
            there = "a program, by OSC", self.place, leaves, "as long as whoever receives keeps it"
            yield DataFlow(data, f"{what}, unencrypted", *there)


class OscSink(QueuedSink[EmotionEvent | FaceSnapshot]):
    """Sends each message as a datagram of its own."""

    records = (EmotionEvent, FaceSnapshot)

    def __init__(self, settings: OscSettings) -> None:
        super().__init__("osc")
        self._settings = settings

    def __str__(self) -> str:
        return f"osc {self._settings.place}"

    def _deliver(self, record: EmotionEvent | FaceSnapshot) -> str:
        from pythonosc.udp_client import SimpleUDPClient  # for those who have the extra

        root = "/".join(filter(None, (self._settings.address, record.camera_name)))
        try:
            # Each time: a laptop may come late, and get another address.
            family, *_, place = self._settings.look_up()
            target = SimpleUDPClient(str(place[0]), self._settings.port, family=family)
            with closing(target) as client:
                for address, values in osc_messages(record):
                    client.send_message(f"{root}/{address}", values)
        except OSError as error:
            self._undelivered += isinstance(record, EmotionEvent)
            return f"{error.strerror}; what happens meanwhile is not sent"
        return ""


def osc_messages(
    record: EmotionEvent | FaceSnapshot,
) -> Iterator[tuple[str, list[str | int | float]]]:
    """Yield addresses and arguments of what is sent; shares of the frame tell where a face is."""
    if isinstance(record, EmotionEvent):
        told = record.type.value, record.track_id, record.emotion, float(record.confidence or 0)
        yield "event", [*told]
    else:
        yield "faces", [len(record.faces)]
        width, height = record.frame_size
        for face in record.faces:
            number, (left, top, right, bottom) = face.track.track_id, face.box.edges
            center = (left + right) / 2 / width, (top + bottom) / 2 / height
            size = (right - left) / width, (bottom - top) / height
            yield "face", [number, face.emotion, float(face.confidence or 0), *center, *size]
            for label, share in (face.probabilities or {}).items():
                name = re.sub(r"[^A-Za-z0-9_-]+", "_", label)  # others have a meaning there
                yield f"probability/{name}", [number, float(share)]
