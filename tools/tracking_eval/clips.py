"""Labeled clips: images and videos, and the faces that are truly in them."""

import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np

from edge.capture import EndOfStream, open_source
from edge.capture.images import SUFFIXES, ImagesSettings
from edge.capture.source import as_readonly
from edge.capture.video import VideoSettings
from edge.errors import DataError
from edge.geometry import Box
from edge.types import Frame, Image

IMAGE_SUFFIXES = SUFFIXES - {".gif"}
"""Suffixes of files with one image; a .gif is a video here."""

HEIGHT_FACTOR = 2.0
"""Factor by which a box may be higher or lower than a face and still be of it: detectors draw boxes
by conventions of their own, from the eyebrows or from the hair."""

HELD_FRAMES, HELD_FPS = 50, 25
"""Length and frames a second of an image that is held in front of a camera."""

NOISE, NOISE_IMAGES = 2.0, 10
"""Standard deviation of the camera's noise in gray levels, and number of frames until it repeats:
new noise for each would take longer than what is measured."""


class ExpressionChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Change of a face into another expression.

    Attributes:
        at: seconds from the start of the video to the middle of the change.
        to: the expression from then on.
    """

    at: float
    to: str


class LabeledFace(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One face throughout a clip.

    Attributes:
        region: left, top, right, bottom in pixels; holds the center of the face in every frame.
        height: of the face in pixels.
        first: first frame in which it counts as visible.
        expression: at first, and throughout where there are no switches; None where it is unknown.
        switches: changes of the expression, in order.
    """

    region: tuple[float, float, float, float]
    height: Annotated[float, msgspec.Meta(gt=0.0)]
    first: Annotated[int, msgspec.Meta(ge=0)] = 0
    expression: str | None = None
    switches: tuple[ExpressionChange, ...] = ()

    def matches(self, box: Box) -> bool:
        """Tell whether `box` is of this face, by its center and height."""
        left, top, right, bottom = self.region
        inside = left <= box.center.x <= right and top <= box.center.y <= bottom
        return inside and self.height / HEIGHT_FACTOR <= box.height <= self.height * HEIGHT_FACTOR


class ClipLabels(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everyone in one clip."""

    people: tuple[LabeledFace, ...] = ()


@dataclass(frozen=True, slots=True)
class LabeledClip:
    """An image or video with its labels.

    Attributes:
        held: whether an image is shown as a video in which nothing moves, as a camera sees it.
    """

    path: Path
    labels: ClipLabels
    held: bool = False

    @property
    def name(self) -> str:
        """Name in tables."""
        return f"{self.path.name}, held" if self.held else self.path.name

    @property
    def is_image(self) -> bool:
        """Tell whether the file is an image."""
        return self.path.suffix.lower() in IMAGE_SUFFIXES

    def frames(self) -> Iterator[Frame]:
        """Return the frames, as fast as they are asked for.

        Raises:
            InputError: the file cannot be read.
        """
        frames = self._read()
        return _hold(next(frames).image) if self.held else frames

    def _read(self) -> Iterator[Frame]:
        path = self.path
        settings = ImagesSettings(path) if self.is_image else VideoSettings(path, realtime=False)
        with closing(open_source(settings)) as source, suppress(EndOfStream):
            while True:
                if (frame := source.read()) is not None:
                    yield frame


def load_labels(path: Path) -> dict[str, ClipLabels]:
    """Return the labels of each clip by its file name.

    Raises:
        DataError: the labels cannot be read.
    """
    try:
        return msgspec.yaml.decode(path.read_bytes(), type=dict[str, ClipLabels])
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise DataError(f"{path}: {error}") from error


def find_clips(folder: Path, labels: dict[str, ClipLabels]) -> list[LabeledClip]:
    """Return the labeled files in `folder`, ordered by name."""
    names = sorted(path.name for path in folder.iterdir() if path.name in labels)
    return [LabeledClip(folder / name, labels[name]) for name in names]


def _hold(image: Image) -> Iterator[Frame]:
    random = np.random.default_rng(0)
    noisy = []
    for _ in range(NOISE_IMAGES):
        noise = NOISE * random.standard_normal(image.shape, dtype=np.float32)
        noisy.append(as_readonly(np.clip(image + noise, 0, 255).astype(np.uint8)))
    for index in range(HELD_FRAMES):
        shown = noisy[index % NOISE_IMAGES]
        yield Frame(shown, index, index / HELD_FPS, captured=time.monotonic())
