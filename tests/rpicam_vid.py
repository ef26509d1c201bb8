"""A stand-in for rpicam-vid: its options, its messages and its stream, with the built-in clip for a camera.

It takes the options of rpicam-apps 1.5 that emotiond uses and refuses all others, as that does. The
environment says how it behaves: STANDIN is a mode and how many pictures come before it, STANDIN_DIARY a
file that always holds its process id and how many pictures it has written.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from edge.commands.demo import CLIP
from edge.types import Image

BITS = 16
STRIP = 16
"""Height of the strip at the top of each picture that shows its number, in pixels."""


def number_of(image: Image) -> int:
    """Return the number that a picture shows."""
    blocks = np.array_split(image[: STRIP // 2], BITS, axis=1)
    return sum((block.mean() > 127) << place for place, block in enumerate(blocks))


def numbered(image: Image, number: int) -> Image:
    """Return the picture with its number as a strip of black and white blocks."""
    image = image.copy()
    for place, block in enumerate(np.array_split(image[:STRIP], BITS, axis=1)):
        block[:] = 255 * (number >> place & 1)
    return image


def install(folder: Path, name: str = "rpicam-vid") -> Path:
    """Put the stand-in into `folder` under the name of the program; return the folder."""
    path = folder / name
    root = Path(__file__).parent.parent
    path.write_text(
        f'#!/bin/sh\nPYTHONPATH={root} exec {sys.executable} -m tests.rpicam_vid "$@"\n'
    )
    path.chmod(0o755)
    return folder


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--nopreview", action="store_true")
    parser.add_argument("--flush", action="store_true")
    for option, default in [("timeout", 5000), ("camera", 0), ("width", 0), ("height", 0)]:
        parser.add_argument(f"--{option}", type=int, default=default)
    parser.add_argument("--framerate", type=float, default=30)
    parser.add_argument("--codec", default="h264")
    parser.add_argument("--quality", type=int, default=50)
    parser.add_argument("--output")
    return parser.parse_args(arguments)


def film(size: tuple[int, int]) -> Iterator[Image]:
    """Yield the clip's frames, again and again."""
    while True:
        capture = cv2.VideoCapture(str(CLIP))
        while (read := capture.read())[0]:
            yield np.asarray(cv2.resize(read[1], size), dtype=np.uint8)


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


class Camera:
    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._mode, _, after = os.environ.get("STANDIN", "").partition(":")
        self._after = int(after or 0)
        self._diary = os.environ.get("STANDIN_DIARY")
        self._written = 0

    def run(self) -> None:
        self._note()
        if self._mode == "stubborn":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if self._mode == "slow":
            time.sleep(1.5)
        started = time.monotonic()
        options = self._options
        for number, image in enumerate(film((options.width, options.height))):
            self._misbehave(number)
            quality = [cv2.IMWRITE_JPEG_QUALITY, options.quality]
            self._write(number, cv2.imencode(".jpg", numbered(image, number), quality)[1].tobytes())
            self._written = number
            self._note()
            time.sleep(max(0.0, started + number / options.framerate - time.monotonic()))

    def _write(self, number: int, picture: bytes) -> None:
        if self._mode == "corrupt" and number % 4 == 1:
            picture = picture[: len(picture) // 2]
        if self._mode == "corrupt" and number % 4 == 3:
            picture = picture[20:]
        if self._mode == "rubbish":
            picture = b"\xff\xd8\xff" + os.urandom(30_000) + b"\xff\xd9"
        sys.stdout.buffer.write(picture)
        if self._options.flush:
            sys.stdout.buffer.flush()

    def _misbehave(self, number: int) -> None:
        if self._mode == "chatters":
            say("[0:00:01.000] [1]  INFO Camera camera.cpp:1 " + "x" * 5000)
        if number < self._after:
            return
        modes: dict[str, Callable[[], None]] = {"ends": end, "hangs": hang, "stubborn": hang}
        modes.get(self._mode, lambda: None)()

    def _note(self) -> None:
        if self._diary:
            whole = Path(f"{self._diary}.new")
            whole.write_text(f"{os.getpid()} {self._written}")
            whole.rename(self._diary)


def end() -> None:
    say("\x1b[1;31mERROR\x1b[0m: *** failed to start camera ***")
    say("Camera stopped")
    sys.exit(255)


def hang() -> None:
    say("ERROR: Device timeout detected, attempting a restart!!!")
    while True:
        time.sleep(60)


def main() -> None:
    options = parse(sys.argv[1:])
    assert (options.codec, options.output, options.timeout) == ("mjpeg", "-", 0)
    if options.camera > 0:
        say("ERROR: *** no cameras available ***")
        sys.exit(255)
    Camera(options).run()


if __name__ == "__main__":
    main()
