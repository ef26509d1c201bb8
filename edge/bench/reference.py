"""A fixed computation, timed beside everything else.

It is the search that most student projects run on every picture: OpenCV's default Haar cascade on
the whole grey frame of 640x480, scale 1.3, five neighbours. Whatever makes a machine slower, be it
heat, a neighbour or another processor, makes it slower too, so that what took so many times as long
as it can be compared between runs and, roughly, between machines.
"""

from pathlib import Path

import cv2

from edge.bench.timing import repeat
from edge.bench.worker_protocol import ReferenceAnswer
from edge.commands.demo_run import CLIP
from edge.detect.haar import Cascade
from edge.detect.image_ops import grey
from edge.errors import EmotiondError
from edge.types import GrayImage

SCALE, NEIGHBORS = 1.3, 5
"""What tutorials set."""

SECONDS = 0.5


def run_reference() -> ReferenceAnswer:
    """Time the search for faces in the first picture of the built-in clip."""
    picture = _first_picture(CLIP)
    cascade = cv2.CascadeClassifier(str(Cascade.DEFAULT.file))
    return ReferenceAnswer(
        repeat(lambda: cascade.detectMultiScale(picture, SCALE, NEIGHBORS), SECONDS)
    )


def _first_picture(film: Path) -> GrayImage:
    there, image = cv2.VideoCapture(str(film), cv2.CAP_FFMPEG).read()
    if not there:
        raise EmotiondError(f"{film}: holds no picture")
    return grey(image)  # type: ignore[arg-type]  # OpenCV does not say what it reads
