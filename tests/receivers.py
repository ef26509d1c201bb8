"""A real web server that takes events, hangs, redirects, fails or babbles, as a test tells it."""

import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec


class Receiver(ThreadingHTTPServer):
    """A web server that answers the first requests as it is told, and all others with 200.

    Attributes:
        taken: what it answered 200 to: the track of each event.
        requests: the path, headers and body of all.
    """

    daemon_threads = True

    def __init__(self, *answers: Callable[[BaseHTTPRequestHandler], None] | int) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = list(answers)
        self.taken: list[int] = []
        self.requests: list[tuple[str, Any, bytes]] = []
        self.ended = threading.Event()
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook?device=hall"

    def events(self) -> list[dict[str, Any]]:
        """Return what was posted, answered or not."""
        return [msgspec.json.decode(body) for _, _, body in self.requests]

    def handle_error(self, *_: object) -> None:
        """Say nothing: clients may leave as they like."""

    def close(self) -> None:
        self.ended.set()
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, self.headers, body))
        answer = self.server.answers.pop(0) if self.server.answers else 200
        if not isinstance(answer, int):
            answer(self)
            return
        if answer == 200:
            self.server.taken.append(msgspec.json.decode(body)["track_id"])
        self.send_response(answer)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def hang(request: BaseHTTPRequestHandler) -> None:
    """Answer nothing until the test ends."""
    assert isinstance(request.server, Receiver)
    request.server.ended.wait(30)


def drip(request: BaseHTTPRequestHandler) -> None:
    """Answer a letter now and then, and never a line."""
    assert isinstance(request.server, Receiver)
    while not request.server.ended.wait(0.05):
        request.wfile.write(b"H")


def flood(request: BaseHTTPRequestHandler) -> None:
    """Answer a first line that never ends, as fast as it is read."""
    with suppress(OSError):
        while True:
            request.wfile.write(b"H" * 65536)


def leave(request: BaseHTTPRequestHandler) -> None:
    """Answer nothing and close."""


def babble(request: BaseHTTPRequestHandler) -> None:
    """Answer what is no HTTP."""
    request.wfile.write(b"HTTP/1.1\r\n")
