"""Clips to measure on: the built-in one, synthetic ones, and one served as a live camera."""

import time
from collections.abc import Iterator
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from threading import Event, Thread
from typing import Self, cast

import cv2
import numpy as np

from edge.capture.source import iter_frames, read_first
from edge.capture.video import VideoSettings
from edge.commands.demo import CLIP, CLIP_FPS
from edge.errors import EmotiondError
from edge.types import Image

ONE_FACE, CROWD, NOBODY = "one face", "20 faces", "nobody"  # built-in clip, grid of it, empty room
SIZE, FRAMES = (640, 480), 100  # width, height and length of synthetic clips
ROWS, COLUMNS = 4, 5  # grid of the crowd
HEAD = (slice(79, 398), slice(134, 474))  # where the clip's face moves, in the shape of a grid cell
CELL_OFFSET = 17  # frames between neighbors in the crowd, so that each shows something else
NOISE = 2.0  # standard deviation, in gray levels, of a webcam's pixels in a lit room
JPEG_QUALITY = 80  # of the live camera, as libjpeg counts; that of webcams is similar


def clip_of(scene: str, folder: Path) -> Path:
    """Return the video of a scene of this module, made in `folder`, or the one at a path."""
    if scene == ONE_FACE:
        return CLIP
    if scene not in (CROWD, NOBODY):
        read_first(VideoSettings(Path(scene)).open())
        return Path(scene).absolute()
    path = folder / f"{scene.replace(' ', '-')}.mp4"
    if not path.exists():
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), CLIP_FPS, SIZE)
        if not writer.isOpened():
            raise EmotiondError(f"{path}: OpenCV cannot write a video there")
        for image in _crowd() if scene == CROWD else _empty_room():
            writer.write(image)
        writer.release()
    return path


def _crowd() -> Iterator[Image]:
    """Yield images of a grid of faces, each at another point of the built-in clip."""
    cell, cells = (SIZE[0] // COLUMNS, SIZE[1] // ROWS), ROWS * COLUMNS
    with closing(VideoSettings(CLIP, realtime=False).open()) as clip:
        heads = [
            cv2.resize(frame.image[HEAD], cell, interpolation=cv2.INTER_AREA)
            for frame in islice(iter_frames(clip), FRAMES + CELL_OFFSET * cells)
        ]
    for frame in range(FRAMES):
        shown = np.array(heads[frame::CELL_OFFSET][:cells], np.uint8)
        grid = shown.reshape(ROWS, COLUMNS, *shown.shape[1:]).swapaxes(1, 2)
        yield np.ascontiguousarray(grid.reshape(SIZE[1], SIZE[0], 3))


def _empty_room() -> Iterator[Image]:
    """Yield images of a wall with a shelf of books, as a camera that stands still sees them."""
    random = np.random.default_rng(7)
    light = np.linspace(190, 120, SIZE[0])[None, :, None]
    room = np.broadcast_to(light, (SIZE[1], SIZE[0], 3)).copy()
    for left in range(60, 600, 12):
        top, color = int(random.integers(90, 130)), random.integers(30, 220, 3)
        room[top:200, left : left + 10] = color
    room[380:] = (50, 80, 110)  # a table in front
    for _ in range(FRAMES):
        yield np.clip(room + random.normal(0.0, NOISE, room.shape), 0, 255).astype(np.uint8)


class LiveStream(ThreadingHTTPServer):
    """HTTP server of a repeated video on 127.0.0.1, for a `with` block; port 0 takes a free one.

    Like a camera, it sends `fps` images a second whether or not its reader keeps up.
    """

    def __init__(self, video: Path, fps: float, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.ended = Event()
        self._jpegs = [
            cv2.imencode(".jpg", frame.image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
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
