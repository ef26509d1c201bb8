"""HTTP requests, damaged, to a daemon that runs: it must stay, stay small, and answer others."""

import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from tools.fuzz.mutation import mutate
from tools.fuzz.sandbox import MAX_GROWTH_BYTES, Verdict

SAMPLES = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET /api/state HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: emotiond-8080=abc\r\n\r\n",
    b"GET /stream.mjpg HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\r\n",
    b"POST /api/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 21\r\n\r\n"
    b'{"token": "0123456"}\n',
    b"POST /api/control HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'10\r\n{"paused": true}\r\n0\r\n\r\n',
    b"POST /api/analyse HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\n"
    b"Content-Length: 8\r\n\r\n\x89PNG\r\n\x1a\n",
)

READ_TIMEOUT_S = 0.05
"""Seconds that an answer is waited for; most damaged requests get none."""

CHECK_INTERVAL = 50
"""Cases between two looks at the daemon."""


def fuzz_http(cases: int, rng: random.Random, until: float) -> Iterator[tuple[bytes, Verdict]]:
    """Send damaged requests; yield each that did harm, with what it did.

    Args:
        cases: number of requests.
        rng: makes them.
        until: moment of the monotonic clock after which no more are sent.
    """
    with _daemon() as (port, process):
        before = _resident_bytes(process.pid)
        for number in range(cases):
            case = mutate(SAMPLES, rng)
            _send(port, case)
            verdict = Verdict("", "")
            if number % CHECK_INTERVAL == CHECK_INTERVAL - 1 or number == cases - 1:
                verdict = _judge(port, process, before)
            yield case, verdict
            if verdict.problem or time.monotonic() > until:
                return


@contextmanager
def _daemon() -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    """Run a daemon with a page on a free port of this machine."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fuzz.yaml"
        config = {
            "source": {"kind": "stream", "url": "http://127.0.0.1:9/none"},
            "web": {"enabled": True, "port": port},
            "state_dir": folder,
            "sinks": [],
        }
        path.write_bytes(msgspec.json.encode(config))
        command = [sys.executable, "-m", "edge", "run", "--config", str(path)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            try:
                _wait(port, process)
                yield port, process
            finally:
                process.kill()


def _wait(port: int, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(300):
        if _is_healthy(port) or process.poll() is not None:
            return
        time.sleep(0.1)


def _send(port: int, case: bytes) -> None:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as one:
        one.settimeout(READ_TIMEOUT_S)
        one.sendall(case)
        one.recv(4096)


def _judge(port: int, process: "subprocess.Popen[bytes]", before: int) -> Verdict:
    code = process.poll()
    if code is not None:
        return Verdict(f"signal {-code}" if code < 0 else "traceback", f"exit code {code}")
    if not _is_healthy(port):
        return Verdict("too slow", "the page does not answer")
    grown = _resident_bytes(process.pid) - before
    return Verdict("too much memory" if grown > MAX_GROWTH_BYTES else "", f"{grown} bytes")


def _is_healthy(port: int) -> bool:
    """Tell whether the page answers at all."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as answer:
            return bool(answer.read())
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def _resident_bytes(pid: int) -> int:
    pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    return int(pages) * 4096
