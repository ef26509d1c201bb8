"""What nobody should see in a image is not there."""

import numpy as np
import pytest

from edge.geometry import Box
from edge.types import Image
from edge.view import PrivacyBlur
from edge.view.annotate import apply_privacy
from tests.edge.view.scenes import expression, scene

SQUARES = 36
"""Of one shade each, six by six: too few to tell who it is."""

FACE = Box(200.0, 150.0, 300.0, 250.0)


@pytest.fixture
def noise() -> Image:
    return np.random.default_rng(0).integers(0, 256, (400, 500, 3), dtype=np.uint8)


def shades(part: Image) -> int:
    return len(np.unique(part.reshape(-1, 3), axis=0))


def test_nothing_is_hidden_where_nothing_shall_be(noise: Image) -> None:
    image = apply_privacy(scene(expression(FACE), image=noise), PrivacyBlur.NONE)
    assert np.array_equal(image, noise)
    assert image is not noise


@pytest.mark.parametrize("told", [True, False])
def test_a_face_becomes_a_few_squares_told_of_or_only_suspected(noise: Image, told: bool) -> None:
    seen = (
        scene(expression(FACE), image=noise)
        if told
        else scene(image=noise, candidate_boxes=(FACE,))
    )
    image = apply_privacy(seen, PrivacyBlur.FACES)
    assert shades(image[150:250, 200:300]) <= SQUARES
    # Hair and chin too: three tenths of the box on each side, a promise of docs/privacy.md.
    assert shades(image[122:278, 172:328]) <= SQUARES


def test_what_is_no_face_stays_as_it_is(noise: Image) -> None:
    image = apply_privacy(scene(expression(FACE), image=noise), PrivacyBlur.FACES)
    assert np.array_equal(image[:, 360:], noise[:, 360:])


def test_a_face_that_leaves_the_picture_is_hidden_as_far_as_it_is_in_it(noise: Image) -> None:
    half_out, outside = Box(-50.0, -50.0, 50.0, 50.0), Box(900.0, 900.0, 950.0, 950.0)
    image = apply_privacy(
        scene(image=noise, candidate_boxes=(half_out, outside)), PrivacyBlur.FACES
    )
    assert shades(image[:50, :50]) <= SQUARES


def test_the_whole_picture_can_be_hidden(noise: Image) -> None:
    image = apply_privacy(scene(expression(FACE), image=noise), PrivacyBlur.FRAME)
    assert image.shape == noise.shape
    assert shades(image) == 1
    assert shades(noise) > 1
