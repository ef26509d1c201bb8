"""Spoiling: what cameras do, and nothing where nothing is asked for."""

import numpy as np
import pytest

from converter.recipes import SampleGeneratorConfig
from converter.train.augmentation import augment_image
from edge.types import Image
from tests.converter.detector.drawn import PLAIN, varied


def _picture() -> Image:
    """Return a picture in which every value occurs in every channel."""
    image = np.random.default_rng(0).integers(0, 256, (61, 97, 3), dtype=np.uint8)
    image[:16, :16] = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    return image


def _spoilt(how: SampleGeneratorConfig, seed: int = 1) -> Image:
    return augment_image(_picture(), how, np.random.default_rng(seed))


def test_nothing_is_changed_where_nothing_is_asked_for() -> None:
    for seed in range(5):
        assert np.array_equal(_spoilt(PLAIN, seed), _picture())


@pytest.mark.parametrize(
    "change",
    [
        {"contrast": 0.35},
        {"brightness": 0.15},
        {"tint": 0.1},
        {"gray": 1.0},
        {"blurred": 1.0},
        {"noisy": 1.0},
        {"compressed": 1.0},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_way_to_spoil_changes_pixels_and_keeps_the_form(change: dict[str, float]) -> None:
    for seed in range(10):
        image = _spoilt(varied(**change), seed)
        assert image.shape == (61, 97, 3)
        assert image.dtype == np.uint8
        assert not np.array_equal(image, _picture())


def test_a_picture_without_colour_is_gray() -> None:
    image = _spoilt(varied(gray=1.0))
    assert (image == image[..., :1]).all()


def test_blur_keeps_the_brightness() -> None:
    for seed in range(20):
        assert _spoilt(varied(blurred=1.0), seed).mean() == pytest.approx(_picture().mean(), abs=2)


def test_the_picture_that_was_given_is_left_as_it_is() -> None:
    image = _picture()
    augment_image(
        image,
        SampleGeneratorConfig(gray=1, blurred=1, noisy=1, compressed=1),
        np.random.default_rng(0),
    )
    assert np.array_equal(image, _picture())


def test_the_same_numbers_spoil_alike() -> None:
    how = SampleGeneratorConfig(gray=0.5, blurred=0.5, noisy=0.5, compressed=0.5)
    assert np.array_equal(_spoilt(how, 4), _spoilt(how, 4))
    assert not np.array_equal(_spoilt(how, 4), _spoilt(how, 5))
