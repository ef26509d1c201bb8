"""Images source: image files, each of which stands alone."""

import io
import logging
import time
import warnings
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge.capture.source import MAX_PIXELS, FileSettings, OversizedError, as_readonly, check_size
from edge.errors import InputError, os_errors_as
from edge.paths import path_text
from edge.types import Frame, Image

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".jp2", ".png", ".bmp", ".webp", ".avif", ".tif", ".tiff"}
    | {".pgm", ".ppm", ".gif"}
)
"""Suffixes of the images in a folder; a file named by itself is read whatever its name."""

MAX_FILE_BYTES = 200_000_000  # of an uncompressed image of as many pixels, and its metadata
MIN_SPREAD = 1.0  # gray levels, standard deviation, below which nothing can be seen in an image

log = logging.getLogger(__name__)


class UnknownFormatError(InputError):
    """Bytes that are no image of a known format."""


class ImagesSettings(FileSettings, frozen=True, tag="images"):
    """One image, or every image in a folder in the order of names."""

    def frames(self) -> Generator[Frame | InputError, None, None]:
        """Yield each image, one second apart on their own clock, or why it cannot be read."""
        root, paths = self.path, [self.path]
        with os_errors_as(InputError, root):
            if root.is_dir():
                paths = sorted(path for path in root.iterdir() if path.suffix.lower() in SUFFIXES)
        if not paths:
            raise InputError(f"{root}: expected images in this folder, found none")
        for index, path in enumerate(paths):
            try:
                image = as_readonly(read_image(path))
                yield Frame(image, index, float(index), captured=time.monotonic(), still=True)
            except InputError as error:
                yield error


def read_image(path: Path) -> Image:
    """Return the image in a file, as `decode_image`."""
    with os_errors_as(InputError, path):
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: is not a file")
        if (size := path.stat().st_size) > MAX_FILE_BYTES:
            raise InputError(f"{path}: expected at most {MAX_FILE_BYTES} bytes, found {size}")
        data = path.read_bytes()
    try:
        image = decode_image(data)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    if cv2.meanStdDev(image)[1].max() < MIN_SPREAD:
        log.warning("%s: shows nothing: all of it has one color", path_text(path))
    return image


def decode_image(data: bytes, max_pixels: int = MAX_PIXELS) -> Image:
    """Return the image in the bytes of a file, BGR uint8 (height, width, 3).

    It is rotated as its EXIF data say; of an animation it is the first frame. What cannot be
    decoded is an OversizedError, UnknownFormatError or other InputError.
    """
    # Not by OpenCV: it takes what memory a damaged length field names (4 GB for 93 bytes of PNG).
    import PIL.Image

    try:
        with warnings.catch_warnings(action="ignore"), PIL.Image.open(io.BytesIO(data)) as image:
            check_size(*image.size, max_pixels)
            return pillow_to_bgr(image)
    except PIL.Image.DecompressionBombError as error:
        raise OversizedError(f"expected at most {max_pixels} pixels, found far more") from error
    except PIL.UnidentifiedImageError as error:
        raise UnknownFormatError("is not an image that can be read") from error
    except InputError:
        raise
    except Exception as error:  # of a damaged file; Pillow promises nothing narrower
        raise InputError(f"cannot be decoded: {error}") from error


def pillow_to_bgr(image: "PillowImage") -> Image:
    """Return an image of Pillow as BGR uint8, turned as its EXIF data say."""
    import PIL.ImageOps

    if image.mode.startswith("I"):  # 16 bits: Pillow would cut off what is above 255
        deep = np.asarray(PIL.ImageOps.exif_transpose(image)).clip(0, 65535) >> 8
        return np.repeat(deep.astype(np.uint8)[..., None], 3, axis=2)
    upright = PIL.ImageOps.exif_transpose(image).convert("RGB")
    width, height = upright.size
    return np.frombuffer(upright.tobytes("raw", "BGR"), np.uint8).reshape(height, width, 3)
