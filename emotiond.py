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
    from edge.cli import main

    sys.exit(main())

import os
from collections.abc import Generator, Iterable
from contextlib import closing
from pathlib import Path

import msgspec

from edge import __version__
from edge.config import parse_config, parse_source
from edge.errors import ConfigError, EmotiondError, InputError, ModelError, SourceError
from edge.geometry import Box
from edge.offline.recognizer import EmotionRecognizer, ImageInput, analyze_frames, load_image
from edge.pipeline.build import PipelineComponents, build_components
from edge.types import UNCERTAIN, Expression, Frame, Image, Quality, Reason
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


def _watch(
    components: PipelineComponents, timeout_s: float
) -> Generator[tuple[Frame, list[Expression]], None, None]:
    with closing(analyze_frames(components, timeout_s)) as frames:
        for one in frames:
            yield one.frame, list(one.expressions)
