"""Detectors' networks that others published: which files they are, and where they lie here.

They are not part of emotiond: `emotiond models fetch` obtains those it knows, and a user puts
others into the same directory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.errors import ModelError
from edge.fileio import sha256
from edge.paths import data_directory, installed_data_directory

MODELS = "models"
"""What a model directory is called in a state or data directory."""


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """One file of a published package.

    Attributes:
        member: its path in the package.
        sha256: of its content.
    """

    member: str
    sha256: str

    @property
    def name(self) -> str:
        """What it is called, there and here."""
        return Path(self.member).name


FULL_RANGE = PublishedFile(
    "mediapipe/modules/face_detection/face_detection_full_range_sparse.tflite",
    "2c3728e6da56f21e21a320433396fb06d40d9088f2247c05e5635a688d45dfe1",
)
SHORT_RANGE = PublishedFile(
    "mediapipe/modules/face_detection/face_detection_short_range.tflite",
    "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
)


def model_directory() -> Path:
    """Return where fetched files are stored: the service's state directory, or the user's data."""
    return data_directory() / MODELS


def installed_model_directory() -> Path:
    """Return where files are stored that were fetched for every user of this installation."""
    return installed_data_directory() / MODELS


def model_directories() -> Iterator[Path]:
    """Yield every directory that is searched, the nearest first."""
    yield model_directory()
    yield installed_model_directory()


def find_published(file: PublishedFile) -> Path | None:
    """Return where `file` lies, None where it was not fetched.

    Raises:
        ModelError: it is damaged, or cannot be read.
    """
    path = find_file(file.name)
    if path is not None and sha256(path) != file.sha256:
        raise ModelError(
            f"{path}: is not the published file; run `emotiond models fetch blazeface` again"
        )
    return path


def find_file(name: str) -> Path | None:
    """Return the first file of that name in the model directories, None where there is none."""
    paths = (directory / name for directory in model_directories())
    return next((path for path in paths if is_file(path)), None)


def is_file(path: Path) -> bool:
    """Tell whether a file is there, for this user."""
    try:
        return path.is_file()
    except OSError:  # a directory that is not for this user
        return False
