"""Pictures that stand alone, read from Python: `from edge import EmotionRecognizer`."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from edge.capture.images import read_image
from edge.config import Config, parse_config
from edge.pipeline.processing import (
    FOLLOWED_BY,
    READ_BY,
    ProcessingComponents,
    build_processing,
    same_sections,
)
from edge.types import AnalyzedFrame, Expression, Frame, Image


class EmotionRecognizer:
    """Finds the faces in pictures and names the expression of each.

    It is not safe for threads: each needs one of its own.

    Args:
        model: the name of a shipped model, or the path of a .tflite with its card beside it.
        detector: the kind of detector; `auto` takes the best at hand.

    Raises:
        ConfigError, ModelError: the model or the detector cannot be used.
    """

    def __init__(self, model: str | Path = "shallow-int8", detector: str = "auto") -> None:
        chosen = {"classifier": {"model": str(model)}, "detector": detector}
        self._analysis = _open(parse_config(chosen, Path.cwd() / "EmotionRecognizer"))

    @classmethod
    def of(cls, config: Config) -> "EmotionRecognizer":
        """Return one that reads pictures as a daemon with this config would.

        Raises:
            ConfigError, ModelError: something that it names cannot be used.
        """
        recognizer = cls.__new__(cls)
        recognizer._analysis = _open(config)
        return recognizer

    def analyse(self, image: Image | str | Path) -> list[Expression]:
        """Return the expression of each face in a picture, from left to right.

        Args:
            image: BGR uint8 (height, width, 3), as OpenCV reads it, or the path of a file; the
                rotation that a camera noted in it (EXIF) is honoured.

        Raises:
            InputError: the file cannot be read.
            ValueError: the array is no such picture.
        """
        return list(self.look(image).expressions)

    def look(self, image: Image | str | Path) -> AnalyzedFrame:
        """Return a picture with everything that is seen in it.

        Raises:
            InputError, ValueError: as `analyse`.
        """
        picture = read_image(Path(image)) if isinstance(image, str | Path) else _checked(image)
        now = time.monotonic()
        frame = Frame(picture, 0, now, captured=now, still=True)
        tracked = self._analysis.follower.update(frame)
        faces = sorted(self._analysis.expressions.update(tracked), key=lambda one: one.box.x1)
        return AnalyzedFrame(tracked, _numbered(faces), datetime.now(UTC))


class LiveConfigRecognizer:
    """Reads pictures as the daemon is set at the moment; any thread may ask it.

    Args:
        present: tells the present config.
    """

    def __init__(self, present: Callable[[], Config]) -> None:
        self._present = present
        self._lock = threading.Lock()
        self._opened: tuple[Config, EmotionRecognizer] | None = None

    def look(self, image: Image) -> AnalyzedFrame:
        """Return a picture with everything that is seen in it.

        Raises:
            ConfigError, ModelError: something that the config names cannot be used any more.
        """
        with self._lock:
            config = self._present()
            if self._opened is None or not same_sections(
                self._opened[0], config, FOLLOWED_BY + READ_BY
            ):
                self._opened = config, EmotionRecognizer.of(config)
            return self._opened[1].look(image)


def _numbered(faces: Iterable[Expression]) -> tuple[Expression, ...]:
    """Count the faces of one picture from 1: none continues one of another."""
    return tuple(
        replace(face, track=replace(face.track, track_id=number))
        for number, face in enumerate(faces, start=1)
    )


def _open(config: Config) -> ProcessingComponents:
    return build_processing(config, count(1))


def _checked(image: Image) -> Image:
    if image.dtype != "uint8" or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(
            f"expected a BGR uint8 picture (height, width, 3), found {image.dtype} {image.shape}"
        )
    return image
