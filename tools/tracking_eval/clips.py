"""The photos and clips to look at."""

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.capture import EndOfStream, open_source
from edge.capture.images import SUFFIXES, ImagesSettings
from edge.capture.source import frozen
from edge.capture.video import VideoSettings
from edge.types import Frame, Image
from tools.tracking_eval.ground_truth import Scene

STILLS = SUFFIXES - {".gif"}
"""What holds one picture; these media have films as .gif."""

HELD_FRAMES, HELD_FPS = 50, 25
NOISE, NOISES = 2.0, 10
"""A photo held before a camera: for how long; the deviation of the camera's noise, in grey values,
and how many frames until it comes again, which saves making it anew for each."""


@dataclass(frozen=True, slots=True)
class Reel:
    """One file and who is to be seen in it.

    Attributes:
        held: a photo is shown as a film in which nothing moves, as a camera would see it.
    """

    path: Path
    scene: Scene
    held: bool = False

    @property
    def name(self) -> str:
        """What tables call it."""
        return f"{self.path.name}, held" if self.held else self.path.name

    @property
    def still(self) -> bool:
        """Whether the file is a photo."""
        return self.path.suffix.lower() in STILLS

    def frames(self) -> Iterator[Frame]:
        """Give the frames, as fast as they are asked for.

        Raises:
            InputError: the file cannot be read.
        """
        frames = _read(self.path, self.still)
        return _hold(next(frames)) if self.held else frames


def _read(path: Path, still: bool) -> Iterator[Frame]:
    source = open_source(ImagesSettings(path) if still else VideoSettings(path, pace=False))
    with closing(source):
        while True:
            try:
                frame = source.read()
            except EndOfStream:
                return
            if frame is not None:
                yield frame


def _hold(photo: Frame) -> Iterator[Frame]:
    random = np.random.default_rng(0)
    images = [_with_noise(photo.image, random) for _ in range(NOISES)]
    for index in range(HELD_FRAMES):
        image = images[index % NOISES]
        yield Frame(image, index, index / HELD_FPS, captured=time.monotonic())


def _with_noise(image: Image, random: np.random.Generator) -> Image:
    noise = NOISE * random.standard_normal(image.shape, dtype=np.float32)
    return frozen(np.clip(image + noise, 0, 255).astype(np.uint8))


def find_reels(folder: Path, labels: dict[str, Scene]) -> list[Reel]:
    """Return the labelled files in `folder`, in the order of their names."""
    names = sorted(path.name for path in folder.iterdir() if path.name in labels)
    return [Reel(folder / name, labels[name]) for name in names]
