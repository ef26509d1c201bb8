from pathlib import Path

import cv2
import numpy as np
import pytest

from converter.train.face_head import draw_negatives
from edge.errors import DataError
from tests.converter.faces import draw

FACES = np.stack([draw(label, np.random.default_rng(label)) for label in range(7)])


def test_crops_are_as_many_as_asked_and_all_different() -> None:
    crops = draw_negatives(FACES, (), 60, np.random.default_rng(0))
    assert crops.shape == (60, 48, 48)
    assert crops.dtype == np.uint8
    assert len({crop.tobytes() for crop in crops}) == 60


def test_the_same_seed_gives_the_same_crops() -> None:
    first, again = (draw_negatives(FACES, (), 12, np.random.default_rng(1)) for _ in range(2))
    assert np.array_equal(first, again)


def test_photographs_give_half_of_the_crops(tmp_path: Path) -> None:
    picture = tmp_path / "wall.png"
    cv2.imwrite(str(picture), np.full((200, 300, 3), 77, np.uint8))
    crops = draw_negatives(FACES, (picture,), 48, np.random.default_rng(0))
    assert sum((crop == 77).all() for crop in crops) == 24


def test_a_photograph_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"broken.jpg: is no image"):
        draw_negatives(FACES, (broken,), 1, np.random.default_rng(0))
