import numpy as np

from edge.infer.crop import crop_grey
from edge.records import Box, Image


def gradient() -> Image:
    """A picture whose grey value is its column."""
    row = np.arange(100, dtype=np.uint8)
    return np.repeat(np.repeat(row[None, :, None], 80, axis=0), 3, axis=2)


def test_a_crop_of_the_models_size_is_the_pixels_themselves() -> None:
    crop = crop_grey(gradient(), Box(10, 10, 58, 58), 48)
    assert crop.dtype == np.uint8
    assert (crop == np.arange(10, 58, dtype=np.uint8)).all()


def test_other_sizes_are_scaled() -> None:
    assert crop_grey(gradient(), Box(0, 0, 80, 80), 48).shape == (48, 48)
    assert crop_grey(gradient(), Box(20, 20, 30, 30), 48).shape == (48, 48)


def test_beyond_the_frame_its_edge_is_repeated() -> None:
    crop = crop_grey(gradient(), Box(-24, -24, 24, 24), 48)
    assert (crop[:, :24] == 0).all()
    assert (crop[24] == np.maximum(np.arange(-24, 24), 0)).all()
    assert crop_grey(gradient(), Box(76, 40, 124, 88), 48)[0, -1] == 99


def test_a_square_wholly_outside_repeats_the_corner_next_to_it() -> None:
    assert (crop_grey(gradient(), Box(200, 200, 248, 248), 48) == 99).all()
    assert (crop_grey(gradient(), Box(-100, -100, -52, -52), 48) == 0).all()


def test_a_square_without_size_is_one_pixel() -> None:
    assert (crop_grey(gradient(), Box(7.1, 5, 7.2, 5.1), 48) == 7).all()
