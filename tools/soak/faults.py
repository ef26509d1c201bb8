"""Faults of the endurance run; each lasts as long as its `with` block."""

import random
import resource
import secrets
import signal
import socket
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from threading import Event, Thread

from edge.bench.clips import LiveStream
from tests.brokers import Mosquitto

TOKEN = secrets.token_hex()
"""What the page asks for."""

FLAP_FRAMES = 30
"""Images of a connection that a flapping camera ends."""

GARBAGE = random.Random(1).randbytes(20_000)

SILENT_CONNECTIONS, HALF_HEADS, SLOW_VIEWERS, CALLERS = 1300, 300, 8, 4
"""Connections of each kind that are open at a time."""


class Camera(LiveStream):
    """Live stream whose `fault` is one of `CAMERA_FAULTS`, or None while it is sound."""

    fault: str | None = None

    def part(self, count: int) -> bytes:
        """Return an image, or what the fault puts in its place.

        Raises:
            ConnectionError: the connection ends here.
        """
        if self.fault == "stopped":
            while self.fault == "stopped" and not self.ended.wait(0.1):
                pass
            raise ConnectionError
        if self.fault == "closed" or (self.fault == "flapping" and count >= FLAP_FRAMES):
            raise ConnectionError
        return GARBAGE if self.fault == "garbage" else super().part(count)


CAMERA_FAULTS = ("stopped", "closed", "garbage", "flapping")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the daemon depends on.

    Attributes:
        camera, broker: as they run.
        pid: of the daemon.
        page: port of its page.
    """

    camera: Camera
    broker: Mosquitto
    pid: int
    page: int

    def faults(self) -> dict[str, Callable[[], AbstractContextManager[None]]]:
        """Return every fault by its name; the first word is the part that fails."""
        camera = {f"camera {name}": partial(self._camera, name) for name in CAMERA_FAULTS}
        heads = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
        stream = b"GET /stream.mjpg HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        stream += f"Authorization: Bearer {TOKEN}\r\n\r\n".encode()

        return camera | {
            "broker killed": self._killed_broker,
            "broker frozen": self._frozen_broker,
            "broker restarted": self._restarted_broker,
            "page: silent connections": partial(self._held, SILENT_CONNECTIONS, b""),
            "page: half-sent heads": partial(self._held, HALF_HEADS, heads),
            "page: slow viewers": partial(self._held, SLOW_VIEWERS, stream),
            "page: flood": partial(self._busy, CALLERS, self._call),
            "disk full": self._full_disk,
        }

    @contextmanager
    def _camera(self, fault: str) -> Iterator[None]:
        self.camera.fault = fault
        try:
            yield
        finally:
            self.camera.fault = None

    @contextmanager
    def _killed_broker(self) -> Iterator[None]:
        self.broker.kill()
        try:
            yield
        finally:
            self.broker.start()

    @contextmanager
    def _frozen_broker(self) -> Iterator[None]:
        self.broker.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.broker.signal(signal.SIGCONT)

    @contextmanager
    def _restarted_broker(self) -> Iterator[None]:
        self.broker.kill()
        self.broker.start()
        yield

    @contextmanager
    def _busy(self, count: int, work: Callable[[Event], None]) -> Iterator[None]:
        """Have so many threads work until the block ends."""
        ended = Event()
        threads = [Thread(target=work, args=(ended,)) for _ in range(count)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            ended.set()
            for thread in threads:
                thread.join()

    def _held(self, count: int, data: bytes) -> AbstractContextManager[None]:
        return self._busy(1, partial(self._hold, count, data))

    def _hold(self, count: int, data: bytes, ended: Event) -> None:
        """Open connections that send `data` and read nothing, and hold them to the end."""
        with ExitStack() as held:
            for _ in range(count):
                with suppress(OSError):  # the page closes what is too many
                    one = socket.create_connection(("127.0.0.1", self.page), timeout=2)
                    held.enter_context(one).sendall(data)
                if ended.is_set():
                    return
            ended.wait()

    def _call(self, ended: Event) -> None:
        """Ask for the page again and again."""
        while not ended.is_set():
            with suppress(OSError):
                request = urllib.request.Request(f"http://127.0.0.1:{self.page}/")
                with urllib.request.urlopen(request, timeout=5) as reply:
                    reply.read()

    @contextmanager
    def _full_disk(self) -> Iterator[None]:
        """Let no file of the daemon grow, as on a full disk."""
        _, hard = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (0, hard))
        try:
            yield
        finally:
            with suppress(ProcessLookupError):
                resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (hard, hard))


def raise_descriptor_limit() -> None:
    """Let this process hold what it opens to the page."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
