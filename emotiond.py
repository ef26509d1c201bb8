"""emotiond as a Python library: faces and their expressions in images, videos and cameras.

Still images:

    >>> from emotiond import EmotionRecognizer, draw
    >>> recognizer = EmotionRecognizer()
    >>> faces = recognizer.analyze("photo.jpg")
    >>> [(face.emotion, face.confidence) for face in faces]
    [('happy', 0.93)]
    >>> cv2.imwrite("annotated.jpg", draw("photo.jpg", faces))

A camera, a stream or a video, with faces followed from frame to frame:

    >>> from emotiond import watch
    >>> for frame, faces in watch(0):
    ...     cv2.imshow("emotiond", draw(frame, faces))

Images are BGR uint8 (height, width, 3), as OpenCV has them; boxes are in pixels of the image.
Errors are kinds of `EmotiondError`. `python -m emotiond` is the command line.
"""

import sys

if __name__ == "__main__":  # before what only the library needs is imported
    from edge.__main__ import main

    sys.exit(main())

import math
import os
import time
from collections.abc import Generator, Iterable
from dataclasses import replace
from pathlib import Path

import msgspec

from edge import __version__
from edge.config import parse_config, parse_source
from edge.errors import ConfigError, EmotiondError, InputError, ModelError, SourceError
from edge.geometry import Box
from edge.offline.recognizer import EmotionRecognizer, ImageInput, load_image
from edge.offline.video import ErrorCapturingSource
from edge.pipeline.build import PipelineComponents, build_components
from edge.pipeline.pipeline import Pipeline
from edge.pipeline.worker import BoundedQueue
from edge.types import UNCERTAIN, AnalyzedFrame, Expression, Frame, Image, Quality, Reason
from edge.view.annotate import draw_faces

__all__ = [
    "UNCERTAIN",
    "Box",
    "ConfigError",
    "EmotionRecognizer",
    "EmotiondError",
    "Expression",
    "Frame",
    "InputError",
    "ModelError",
    "Quality",
    "Reason",
    "SourceError",
    "__version__",
    "draw",
    "watch",
]

POLL_INTERVAL_S = 0.1
"""Seconds between two checks for the end of a source while no frame comes."""


def draw(image: ImageInput | Frame, faces: Iterable[Expression]) -> Image:
    """Return a copy of an image with the box, label and confidence of each face drawn into it.

    Args:
        image: what `EmotionRecognizer.analyze` was given, or a frame of `watch`.
        faces: what was found in it.

    Returns:
        BGR uint8 (height, width, 3); `image` itself is never changed.

    Raises:
        InputError, TypeError, ValueError: as `EmotionRecognizer.analyze`.

    Example:
        >>> cv2.imwrite("annotated.jpg", draw("photo.jpg", recognizer.analyze("photo.jpg")))
    """
    annotated = (image.image if isinstance(image, Frame) else load_image(image)).copy()
    draw_faces(annotated, tuple(faces))
    return annotated


def watch(
    source: int | str | os.PathLike[str],
    model: str | Path = "shallow-int8",
    detector: str = "auto",
    timeout_s: float = 10.0,
) -> Generator[tuple[Frame, list[Expression]], None, None]:
    """Iterate over the frames of a source, each with the faces in it, followed over time.

    A face keeps its number, `face.track.track_id`, as long as it is in view, and its expression is
    smoothed over time. Frames are read and analyzed by threads of their own, as in the daemon: of
    a camera or stream the newest frame wins and others are dropped, of a video none is. When the
    loop is left, the source is closed.

    Args:
        source: number of a camera, device file, address of a stream (`rtsp://...`), or path of a
            video file or a folder of images.
        model: as of `EmotionRecognizer`.
        detector: as of `EmotionRecognizer`.
        timeout_s: seconds without a frame after which a camera or stream is given up; until then
            it is opened again and again. `math.inf` waits for ever.

    Yields:
        The frame, with `image` (BGR uint8, read-only), `index` and `timestamp` (seconds: position
        in a video, else on the monotonic clock), and its faces as `EmotionRecognizer.analyze`
        returns them.

    Raises:
        ConfigError, ModelError: the source, the model or the detector cannot be used.
        InputError: the file cannot be read, or breaks off; frames before that have been yielded.
        SourceError: no frame came from a camera or stream for `timeout_s`.

    Example:
        >>> for frame, faces in watch("video.mp4"):
        ...     for face in faces:
        ...         print(f"{frame.timestamp:.2f} s: face {face.track.track_id} {face.emotion}")
    """
    if isinstance(source, int) and source < 0:
        raise ConfigError(f"expected a camera number from 0 on, found {source}")
    fields = {"classifier": {"model": str(model)}, "detector": detector, "sinks": []}
    config = parse_config(fields, Path.cwd() / "watch")
    settings = parse_source(str(source) if isinstance(source, int) else os.fspath(source))
    config = msgspec.structs.replace(config, source=settings)
    return _watch(build_components(config), timeout_s)


class _FrameQueue:
    """Hands analyzed frames from a pipeline to whoever iterates."""

    def __init__(self, live: bool) -> None:
        self.queue: BoundedQueue[AnalyzedFrame] = BoundedQueue(1, lossless=not live)

    def show(self, scene: AnalyzedFrame) -> None:
        self.queue.put(scene)

    def clear(self) -> None:
        """Nothing to clear: what was seen is still to be yielded."""


def _watch(
    components: PipelineComponents, timeout_s: float
) -> Generator[tuple[Frame, list[Expression]], None, None]:
    live = components.live
    file = None if live else ErrorCapturingSource(components.source)
    frames = _FrameQueue(live)
    pipeline = Pipeline(replace(components, source=file or components.source), frames)
    deadline = time.monotonic() + (timeout_s if live else math.inf)
    pipeline.start()
    try:
        while pipeline.error is None and (pipeline.running or len(frames.queue)):
            analyzed = frames.queue.get(POLL_INTERVAL_S)
            if analyzed is not None:
                yield analyzed.frame, list(analyzed.expressions)
                deadline = time.monotonic() + (timeout_s if live else math.inf)
            elif time.monotonic() > deadline:
                raise SourceError(
                    f"no frame came for {timeout_s:g} s; is the camera there, and free?"
                )
        if pipeline.error is not None:
            raise pipeline.error
        if file is not None and file.error is not None:
            raise file.error
    finally:
        frames.queue.close()
        pipeline.stop()
