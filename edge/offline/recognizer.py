"""Pictures that stand alone, read from Python: `from edge import EmotionRecognizer`."""

from itertools import count
from pathlib import Path

from edge.capture.images import read_image
from edge.config import Config, parse_config
from edge.pipeline.processing import ProcessingComponents, analyze_image, build_processing
from edge.types import AnalyzedFrame, Expression, Image


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
        return analyze_image(self._analysis, picture)


def _open(config: Config) -> ProcessingComponents:
    return build_processing(config, count(1))


def _checked(image: Image) -> Image:
    if image.dtype != "uint8" or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(
            f"expected a BGR uint8 picture (height, width, 3), found {image.dtype} {image.shape}"
        )
    return image
