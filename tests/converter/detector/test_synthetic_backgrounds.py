"""Backdrops: drawn pictures in which there is something, and no face."""

import numpy as np
import pytest

from converter.detector.sample_generator import draw_background


@pytest.mark.parametrize("size", [(240, 320), (64, 96), (33, 17)])
def test_backdrops_have_the_asked_size_and_something_in_them(size: tuple[int, int]) -> None:
    for seed in range(200):
        image = draw_background(*size, np.random.default_rng(seed))
        assert image.shape == (*size, 3)
        assert image.dtype == np.uint8
        assert image.std(axis=(0, 1)).max() > 1


def test_the_same_numbers_draw_the_same() -> None:
    one, same, other = (draw_background(64, 96, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
