"""Live camera for measurements: a video served in a loop as MJPEG over HTTP, in real time."""

import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Self, cast

import cv2

from edge.capture.source import iter_frames
from edge.capture.video import VideoSettings

QUALITY = 80  # of JPEG as libjpeg counts; that of webcams is similar


class LiveStream(ThreadingHTTPServer):
    """HTTP server of a repeated video on 127.0.0.1, for a `with` block; port 0 takes a free one.

    Like a camera, it sends `fps` images a second whether or not its reader keeps up.
    """

    def __init__(self, video: Path, fps: float, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.ended = Event()
        self._jpegs = [
            cv2.imencode(".jpg", frame.image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
            for frame in iter_frames(VideoSettings(video, realtime=False).open())
        ]
        self._fps = fps
        self.url = f"http://127.0.0.1:{self.server_address[1]}/live.mjpg"

    def __enter__(self) -> Self:
        Thread(target=self.serve_forever, name="stream", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect every client and free the port."""
        if not self.ended.is_set():
            self.ended.set()
            self.shutdown()
            self.server_close()

    def part(self, count: int) -> bytes:
        """Return the JPEG that a client gets as its image number `count`, from 0."""
        return self._jpegs[count % len(self._jpegs)]

    def serve(self, client: BaseHTTPRequestHandler) -> None:
        """Send images to one client, each when it is due, until the stream or the client ends."""
        with suppress(ConnectionError):
            client.send_response(200)
            client.send_header("Content-Type", "multipart/x-mixed-replace;boundary=frame")
            client.end_headers()
            started, count = time.monotonic(), 0
            while not self.ended.wait(max(0.0, started + count / self._fps - time.monotonic())):
                jpeg = self.part(count)
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}"
                client.wfile.write(head.encode() + b"\r\n\r\n" + jpeg + b"\r\n")
                count += 1


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        cast(LiveStream, self.server).serve(self)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # theirs
        pass
