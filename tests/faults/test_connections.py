"""Connections that ask for nothing, half of something or endlessly keep nobody else out."""

import resource
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

pytest.importorskip("uvicorn", reason="the page needs the extra `web`")

from edge.commands.embedded_broker import free_port
from tests.brokers import wait_until
from tests.faults import fault

MB = 1_000_000


class Page:
    """A daemon with a page, whose camera is away, as a service with 1,024 descriptors."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.log = folder / "log"
        config = {
            "source": {"kind": "stream", "url": "http://127.0.0.1:9/none"},
            "web": {"enabled": True, "port": self.port},
            "state_dir": str(folder),
            "sinks": [],
        }
        path = folder / "page.yaml"
        path.write_bytes(msgspec.json.encode(config))
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                ["sh", "-c", f"ulimit -n 1024; exec {sys.executable} -m edge run --config {path}"],
                stderr=log,
            )
        wait_until(lambda: "web page at" in self.log.read_text(), 60)

    def get(self, path: str) -> int:
        """Return the status of a request."""
        url = f"http://127.0.0.1:{self.port}{path}"
        try:
            with urllib.request.urlopen(url, timeout=20) as reply:
                return int(reply.status)
        except urllib.error.HTTPError as error:
            return error.code

    def connect(self, data: bytes = b"") -> socket.socket:
        """Open a connection and send so much of a request."""
        one = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        one.sendall(data)
        return one

    @property
    def resident_bytes(self) -> int:
        return 4096 * int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])

    @property
    def lines(self) -> int:
        return len(self.log.read_text().splitlines())


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """One daemon for all tests: each must leave it as it was."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    one = Page(tmp_path_factory.mktemp("page"))
    yield one
    one.process.kill()
    one.process.wait()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def hold(page: Page, count: int, data: bytes) -> list[socket.socket]:
    """Open so many connections; those that are closed to make room may break."""
    held = []
    for _ in range(count):
        with suppress(OSError):
            held.append(page.connect(data))
    return held


@fault(
    "page",
    "1,300 connections that send nothing",
    seen="a line whenever their number has doubled; health and metrics answer",
    recovery="by itself",
    lost="the oldest silent connections",
)
def test_idle_connections_beyond_the_descriptors_leave_the_daemon_and_its_health(
    page: Page,
) -> None:
    before = page.lines
    held = hold(page, 1300, b"")
    time.sleep(4)
    assert page.process.poll() is None
    assert page.get("/metrics") == 200
    assert page.get("/healthz") == 503, "its camera is away"
    assert page.lines - before < 15, "a line at 1, 2, 4, 8, ..."
    for one in held:
        one.close()


@fault(
    "page",
    "300 requests of which half is sent",
    seen="nothing; the page answers others",
    recovery="by itself",
    lost="the oldest half-sent requests",
)
def test_half_sent_requests_keep_nobody_out(page: Page) -> None:
    held = hold(page, 300, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
    assert page.get("/") == 200
    assert page.get("/api/state") == 200
    for one in held:
        one.close()


@fault(
    "page",
    "a header, an address or a trailer without end",
    seen="the connection is closed",
    recovery="none needed",
    lost="that request",
)
@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: ",
        b"GET /",
        b"POST /api/login HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nT: ",
    ],
    ids=["header", "url", "trailer"],
)
def test_an_endless_head_is_refused_after_few_bytes(page: Page, head: bytes) -> None:
    assert page.get("/") == 200
    before = page.resident_bytes
    connections = [page.connect(head) for _ in range(8)]
    sent = 0
    with suppress(OSError):
        for _ in range(100):
            for one in connections:
                sent += one.send(b"a" * 65_536)
    assert sent < 30 * MB, "the connections were closed"
    assert page.resident_bytes - before < 20 * MB
    assert page.get("/") == 200


@fault(
    "page",
    "a head of 70 kB",
    seen="the answer 431",
    recovery="none needed",
    lost="that request",
)
def test_a_head_that_is_too_long_is_told_so(page: Page) -> None:
    with page.connect(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: " + b"a" * 70_000) as one:
        assert one.recv(100).startswith(b"HTTP/1.1 431 ")
