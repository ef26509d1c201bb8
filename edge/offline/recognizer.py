"""Expression recognition for programs: in still images, and in every frame of a source."""

import math
import os
import sys
import threading
import time
from collections.abc import Generator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Union

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.capture.images import decode_image, pillow_to_bgr, read_image
from edge.config import parse_config
from edge.errors import InputError, SourceError
from edge.pipeline.build import PipelineComponents
from edge.pipeline.pipeline import Pipeline
from edge.pipeline.processing import analyze_image, build_processing
from edge.pipeline.worker import BoundedQueue
from edge.types import AnalyzedFrame, Expression, Image

if TYPE_CHECKING:
    import PIL.Image

MAX_QUEUED = 8  # frames of a file that may wait for their reader; then the pipeline waits
POLL_INTERVAL_S = 0.05  # seconds between checks for the end while no frame comes

ImageInput = Union[
    str, os.PathLike[str], bytes, bytearray, memoryview, NDArray[np.uint8], "PIL.Image.Image"
]
"""A path, the bytes of an encoded image, a BGR or gray array, or an image of Pillow."""


class EmotionRecognizer:
    """Finds the faces in images and classifies the expression of each.

    Every image stands alone; `emotiond.watch` follows faces through a video or a camera's frames.
    Make a recognizer once (it loads two models) and use it often, from any thread.

    Args:
        model: a shipped one (`tiny-int8`, `shallow-int8`, `deep-int8`), or the path of a .tflite
            file with its card beside it.
        detector: kind of face detector; `auto` takes the best one installed.

    Raises:
        ConfigError, ModelError: the model or the detector cannot be used.

    Example:
        >>> recognizer = EmotionRecognizer()
        >>> for face in recognizer.analyze("photo.jpg"):
        ...     print(face.emotion, face.confidence, face.box.edges)
    """

    def __init__(self, model: str | Path = "shallow-int8", detector: str = "auto") -> None:
        fields = {"classifier": {"model": str(model)}, "detector": detector, "sinks": []}
        config = parse_config(fields, Path.cwd() / "EmotionRecognizer")
        self._processing, self._lock = build_processing(config, count(1)), threading.Lock()

    def analyze(self, image: ImageInput) -> list[Expression]:
        """Return the expression of each face in an image, from left to right.

        Args:
            image: the path of a file, the bytes of an encoded image (JPEG, PNG, ...), a uint8
                array in BGR (height, width, 3) as OpenCV reads it or gray (height, width), or an
                image of Pillow. The rotation that a camera noted in it (EXIF) is applied.

        Returns:
            Faces with `emotion`, `confidence` (0-1), `probabilities` by label, `box` in pixels,
            `quality`, and `to_dict()` for JSON. Where one cannot be classified, `emotion` is
            `uncertain`, `confidence` and `probabilities` are None, and `reasons` say why.

        Raises:
            InputError: the file or the bytes cannot be read as an image.
            TypeError, ValueError: the image is of another type, or the array of another shape.

        Example:
            >>> recognizer.analyze(cv2.imread("photo.jpg"))[0].to_dict()
            {'track_id': 1, 'emotion': 'happy', 'confidence': 0.93, ...}
        """
        decoded = load_image(image)
        with self._lock:
            return list(analyze_image(self._processing, decoded).expressions)


def load_image(image: ImageInput) -> Image:
    """Return an image as BGR uint8 (height, width, 3); errors as `EmotionRecognizer.analyze`."""
    if isinstance(image, np.ndarray):
        if image.dtype == np.uint8 and image.size:
            if image.ndim == 3 and image.shape[2] == 3:
                return image
            if image.ndim == 2:
                return np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), dtype=np.uint8)
        expected = "a uint8 image, BGR (height, width, 3) or gray (height, width)"
        raise ValueError(f"expected {expected}, found {image.dtype} {image.shape}")
    if isinstance(image, str | os.PathLike):
        return read_image(Path(image))
    if isinstance(image, bytes | bytearray | memoryview):
        data = bytes(image)
        try:
            return decode_image(data)
        except InputError as error:
            raise InputError(f"an image of {len(data)} bytes: {error}") from error
    pillow = sys.modules.get("PIL.Image")  # imported by whoever has an image of it
    if pillow is not None and isinstance(image, pillow.Image):
        return pillow_to_bgr(image)
    found = f"{type(image).__module__}.{type(image).__qualname__}"
    raise TypeError(f"expected a path, bytes, a uint8 array or an image of Pillow, found {found}")


def analyze_frames(
    components: PipelineComponents, timeout_s: float = math.inf
) -> Generator[AnalyzedFrame, None, None]:
    """Run a pipeline, and yield each frame of a file, or the newest of a live source.

    When the generator is closed, the pipeline is stopped. InputError where a file breaks off after
    the frames yielded, SourceError of a live source that gave none for `timeout_s` seconds, an
    EmotiondError of another part.
    """
    live = components.live
    frames = BoundedQueue[AnalyzedFrame](1 if live else MAX_QUEUED, lossless=not live)

    def show(frame: AnalyzedFrame | None) -> None:
        if frame is not None:  # what was seen is still to be yielded
            frames.put(frame)

    pipeline = Pipeline(components, show, fails_fast=not live)
    patience = timeout_s if live else math.inf
    deadline = time.monotonic() + patience
    pipeline.start()
    try:
        while pipeline.running or len(frames):
            frame = frames.get(POLL_INTERVAL_S)
            if frame is not None:
                yield frame
                deadline = time.monotonic() + patience
            elif time.monotonic() > deadline:
                found = f"no frame came for {timeout_s:g} s"
                raise SourceError(f"{found}; is the camera there, and free?")
        if pipeline.error is not None:
            raise pipeline.error
    finally:
        frames.close()
        pipeline.stop()
