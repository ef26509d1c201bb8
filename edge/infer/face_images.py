"""Folder of face images of one class, for training: `emotiond collect` and the page write them."""

import errno
from collections.abc import Callable
from pathlib import Path

import cv2

from edge.errors import DataError
from edge.paths import atomic_write
from edge.types import GrayImage


class FaceFolder:
    """Numbered images, which their owner alone may read.

    The numbers continue from the last image that is there, so that nothing is overwritten. `note`
    is called before each is written. A DataError says what cannot be made, noted or written.
    """

    def __init__(self, folder: Path, note: Callable[[Path], None]) -> None:
        self._folder, self._note = folder, note
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            stems = [path.stem for path in folder.iterdir()]
        except OSError as error:
            raise DataError(f"{folder}: cannot be made or read: {error.strerror}") from error
        self._last = max((int(stem) for stem in stems if stem.isdecimal()), default=0)

    def add(self, crop: GrayImage) -> Path:
        """Write one more image, as the classifier sees a face; return its file."""
        self._last += 1
        path = self._folder / f"{self._last:06d}.png"
        try:
            if path.exists():
                raise FileExistsError(errno.EEXIST, "another program wrote it meanwhile")
            self._note(path)
            atomic_write(path, cv2.imencode(".png", crop)[1].tobytes(), private=True)
        except OSError as error:
            where = error.filename2 or error.filename or path
            raise DataError(f"{where}: cannot be written: {error.strerror}") from error
        return path
