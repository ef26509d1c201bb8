"""Sizes of images, read from the headers of their files."""

from dataclasses import dataclass
from pathlib import Path

from edge.errors import ConfigError, DataError


@dataclass(frozen=True, slots=True)
class Size:
    """Of an image, in pixels as stored: a note to turn it when shown does not count."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


def read_size(path: Path) -> Size:
    """Return the size of the image in a file, without decoding it.

    Raises:
        DataError: it cannot be read, or is no image.
        ConfigError: Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise ConfigError(
            f"{path}: reading the size of a picture needs Pillow; pip install 'emotiond[evaluate]'"
        ) from error
    try:
        with Image.open(path) as image:
            return Size(*image.size)
    # Beside UnidentifiedImageError, an OSError without a number, the readers of damaged files
    # raise errors of their own.
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        if isinstance(error, OSError) and error.strerror:
            raise DataError(f"{path}: cannot be read: {error.strerror}") from error
        raise DataError(f"{path}: expected a picture that Pillow can read; take it out") from error
