"""A live camera for measurements: a film served in a loop as an HTTP stream, in real time."""

import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import cv2

BOUNDARY = "frame"

QUALITY = 80
"""Of the JPEGs, as libjpeg counts; webcams' are about as fine."""


class LiveStream:
    """Serves a film as MJPEG on a free port of 127.0.0.1, for as long as the `with` block lasts.

    As a camera does, it gives `fps` pictures a second whether or not its reader keeps up.

    Args:
        film: the file whose frames are shown, again and again.
        fps: pictures a second.
        port: 0 takes a free one.
    """

    def __init__(self, film: Path, fps: float, port: int = 0) -> None:
        self.ended = Event()
        self._pictures = _encode(film)
        self._fps = fps
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, name="stream", daemon=True)

    @property
    def url(self) -> str:
        """Where the stream is."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/live.mjpg"

    def __enter__(self) -> "LiveStream":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Cut every viewer off and let go of the port."""
        if not self.ended.is_set():
            self.ended.set()
            self._server.shutdown()
            self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stream = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                stream.serve(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # theirs
                pass

        return Handler

    def serve(self, viewer: BaseHTTPRequestHandler) -> None:
        """Send pictures to one viewer until the stream ends, or the viewer goes away."""
        with suppress(ConnectionError):
            viewer.send_response(200)
            viewer.send_header("Content-Type", f"multipart/x-mixed-replace;boundary={BOUNDARY}")
            viewer.end_headers()
            self._send(viewer)

    def _send(self, viewer: BaseHTTPRequestHandler) -> None:
        """Send pictures, each when it is due."""
        started, count = time.monotonic(), 0
        while not self.ended.wait(max(0.0, started + count / self._fps - time.monotonic())):
            picture = self._pictures[count % len(self._pictures)]
            head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}"
            viewer.wfile.write(head.encode() + b"\r\n\r\n" + picture + b"\r\n")
            count += 1


def _encode(film: Path) -> list[bytes]:
    capture = cv2.VideoCapture(str(film))
    pictures: list[bytes] = []
    while True:
        there, image = capture.read()
        if not there:
            return pictures
        pictures.append(
            cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
        )
