"""A camera that sends JPEGs over HTTP, and a clock for sources that are tried without one."""

import http.server
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


class Clock:
    """A clock that passes when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class MjpegServer:
    """Address without a slash at its end, and how often the stream was opened."""

    address: str
    opened: int = 0


@contextmanager
def serve_mjpeg(
    parts: Callable[[str], Iterable[bytes]], interval_s: float = 0.0
) -> Iterator[MjpegServer]:
    """Serve the parts that there are for a path, one after the other, to whoever asks."""

    class Camera(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            found.opened += 1
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=f")
            self.end_headers()
            try:
                for part in parts(self.path):
                    head = b"--f\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"
                    self.wfile.write(head % len(part) + part + b"\r\n")
                    time.sleep(interval_s)
            except OSError:
                pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Camera) as server:
        server.daemon_threads = True
        server.block_on_close = False
        found = MjpegServer(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield found
        server.shutdown()
