"""Batches of scenes with their truth."""

from typing import Any

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from converter.detector.cells import CANDIDATES, Cells
from converter.detector.samples import Lesson
from converter.detector.sample_generator import Studio
from converter.recipes.detector import DetectorRecipe

Truth = dict[str, NDArray[Any]]


class SceneBatches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras ships no types
    """Batches of (pictures (n, height, width, channels), truth).

    Every batch is drawn from (seed, epoch, index) alone, as the classifiers' are. The truth is

        boxes       (n, faces, 4)            left, top, right, bottom in pixels
        known       (n, faces)               1 for a face, 0 for an empty place
        candidates  (n, faces, CANDIDATES)   cells that may answer, -1 for none
        background  (n, cells)               0 where it is unknown whether there is a face

    Args:
        studio: draws the scenes.
        recipe: sizes and seed.
    """

    def __init__(self, studio: Studio, recipe: DetectorRecipe) -> None:
        super().__init__()
        self._studio = studio
        self._recipe = recipe
        self._cells = Cells(recipe.height, recipe.width)
        self.epoch = 0

    def __len__(self) -> int:
        return self._recipe.steps

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], Truth]:
        recipe = self._recipe
        rng = np.random.default_rng((recipe.seed, self.epoch, index))
        scenes = [
            self._studio.draw(recipe.height, recipe.width, rng) for _ in range(recipe.batch_size)
        ]
        pictures = np.stack([as_input(scene.image, recipe.channels) for scene in scenes])
        truths = [truth_of(scene, self._cells, recipe.most_faces, rng) for scene in scenes]
        return pictures, {name: np.stack([one[name] for one in truths]) for name in truths[0]}


def as_input(image: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    """Return a BGR picture as the network takes it, uint8 (height, width, channels)."""
    if channels == 3:
        return image
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), dtype=np.uint8)[..., None]


def truth_of(scene: Lesson, cells: Cells, most: int, rng: np.random.Generator) -> Truth:
    """Return what is true of one scene; of more than `most` faces, some are not judged."""
    judged = np.flatnonzero(~scene.ignored)
    if len(judged) > most:
        judged = rng.permutation(judged)[:most]
    count = len(judged)
    unclear = np.delete(scene.boxes, judged, axis=0)
    truth: Truth = {
        "boxes": np.zeros((most, 4), np.float32),
        "known": np.zeros(most, np.float32),
        "candidates": np.full((most, CANDIDATES), -1, np.int32),
        "background": 1 - cells.inside(unclear).astype(np.float32),
    }
    truth["boxes"][:count] = scene.boxes[judged]
    truth["known"][:count] = 1
    truth["candidates"][:count] = cells.candidates(scene.boxes[judged])
    return truth
