"""Crops of what a detector finds: faces, moved and turned with their points, and its errors."""

from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.errors import DataError
from edge.geometry import Box
from edge.types import Face, Image

pytest.importorskip("keras", reason="training needs the extra `convert`")

from converter.detector.refiner import (
    MAX_ERRORS,
    NO_FACE,
    UNCLEAR,
    Crop,
    CropBatches,
    CropSquare,
    Finder,
    collect_candidates,
    match,
)
from converter.detector.sample_generator import SampleGenerator
from converter.detector.samples import TrainingSample
from converter.recipes import RefinerRecipe
from tests.converter.detector.drawn import GROUND, Bright, patch, sample_of, varied

RECIPE = RefinerRecipe(
    epochs=1,
    batch_size=16,
    learning_rate=0.01,
    warmup_epochs=0,
    weight_decay=0.0,
    ema=0.9,
    seed=1,
    steps=4,
    dtype="float32",
    scenes=varied(empty=0.5, drawn=0.0),
)
"""Of the samples one half show no face."""


def face_sample() -> TrainingSample:
    """Return a gray face of 60 pixels in a picture, with a red right eye and a green left one."""
    sample = patch((120, 90, 160, 150), (120, 120, 120), size=(320, 240))
    sample.image[sample.image == GROUND] = 0
    for (x, y), color in zip(sample.points[0, :2], ((0, 0, 255), (0, 255, 0)), strict=True):
        sample.image[round(y) - 4 : round(y) + 4, round(x) - 4 : round(x) + 4] = color
    return sample


def night(*lights: tuple[int, int]) -> TrainingSample:
    """Return a dark picture without a face, with a light of 16 pixels at each place."""
    image = np.zeros((240, 320, 3), np.uint8)
    for x, y in lights:
        image[y - 8 : y + 8, x - 8 : x + 8] = 255
    return sample_of(image, [], [])


def find_light(image: Image) -> Sequence[Face]:
    """Take all that is not dark for a face."""
    return Bright().detect(
        np.where(image.max(axis=2, keepdims=True) > 80, image * 0 + 255, image * 0)
    )


def _collected(
    find: Finder, empty: TrainingSample, count: int = 32
) -> tuple[Sequence[Crop], Sequence[Crop]]:
    generator = SampleGenerator([face_sample()], [], [empty], RECIPE.scenes)
    return collect_candidates(find, generator, count, np.random.default_rng(0))


def _batches(**changes: object) -> CropBatches:
    recipe = msgspec.structs.replace(RECIPE, **changes)
    return CropBatches(*_collected(find_light, night((160, 120))), recipe)


def _pure(crop: Image, channel: int) -> NDArray[np.float64]:
    """Return where a color without the others lies, x and y in sides of the crop from its middle."""
    others = np.delete(crop, channel, axis=2).max(axis=2).astype(float)
    weight = np.maximum(crop[..., channel] - others - 40, 0)
    rows, columns = np.indices(weight.shape)
    sums = np.array([(columns * weight).sum(), (rows * weight).sum()])
    return np.asarray((sums / weight.sum() + 0.5) / len(crop) - 0.5, np.float64)


def test_a_place_is_cut_around_its_middle_and_black_beyond_the_picture() -> None:
    image = np.zeros((100, 100, 3), np.uint8)
    image[40:60, 40:60] = 255
    crop = CropSquare(50, 50, 40).cut(image)
    assert crop[13:35, 13:35].min() > 200
    assert crop[:9].max() == 0
    assert CropSquare(-40, -40, 40).cut(image).max() == 0


@pytest.mark.parametrize("turn", [0.0, 50.0])
def test_points_lie_where_their_pixels_lie_and_mirrored_eyes_swap(turn: float) -> None:
    crops, truth = _batches(turn=turn, batch_size=32)[0]
    mirrored = []
    for crop, face, points in zip(crops, truth["face"], truth["points"], strict=True):
        if not face or crop.std(axis=2).max() < 60:  # spoilt to gray
            continue
        eyes, red = points.reshape(4, 2)[:2], _pure(crop, 2)
        nearer = int(np.linalg.norm(eyes - red, axis=1).argmin())
        assert eyes[nearer] == pytest.approx(red, abs=0.05)
        assert eyes[1 - nearer] == pytest.approx(_pure(crop, 1), abs=0.05)
        mirrored.append(nearer == 1)
    assert set(mirrored) == {False, True}


def _lit(profile: NDArray[np.float64]) -> tuple[float, float]:
    """Return where a profile is bright, from and to, in sides of the crop from its middle."""
    bright = np.flatnonzero(profile > (profile.min() + profile.max()) / 2)
    return bright[0] / len(profile) - 0.5, (bright[-1] + 1) / len(profile) - 0.5


def test_a_face_that_is_not_turned_has_its_box_in_the_crop() -> None:
    """The face of 40 by 60 pixels is gray with colored eyes, around it is black."""
    crops, truth = _batches(batch_size=64)[0]
    for crop, box in zip(
        crops[truth["boxed"] > 0], truth["boxes"][truth["boxed"] > 0], strict=True
    ):
        (left, right), (top, bottom) = (_lit(crop.mean(axis=(along, 2))) for along in (0, 1))
        assert box == pytest.approx((left, top, right, bottom), abs=0.06)
    assert 8 < truth["boxed"].sum() < 26
    assert not truth["boxes"][truth["boxed"] == 0].any()


def test_one_half_of_a_batch_are_faces() -> None:
    crops, truth = _batches()[0]
    assert crops.shape == (16, 48, 48, 3)
    assert crops.dtype == np.uint8
    assert truth["face"].tolist() == [1] * 8 + [0] * 8
    assert truth["pointed"].tolist() == [1] * 8 + [0] * 8
    assert np.isfinite(truth["points"]).all()


def test_a_batch_depends_on_seed_epoch_and_number_alone() -> None:
    one, other = _batches(), _batches()
    one[0]
    assert np.array_equal(one[2][0], other[2][0])
    other.epoch = 1
    assert not np.array_equal(one[2][0], other[2][0])
    assert not np.array_equal(one[1][0], one[2][0])


def test_what_a_detector_finds_is_kept_with_its_surroundings_and_with_what_is_known_of_it() -> None:
    faces, errors = _collected(find_light, night((160, 120)))
    assert len(faces) + len(errors) > 24
    assert {crop.image.shape for crop in (*faces, *errors)} == {(96, 96, 3)}
    assert all(np.isfinite(crop.places).all() for crop in faces)
    assert all(np.isnan(crop.places).all() for crop in errors)
    lights = np.stack([crop.image for crop in errors])  # a few are of the generator's own borders
    assert np.median(lights[:, 40:56, 40:56].min(axis=(1, 2, 3))) > 100
    assert np.median(lights[:, :20].max(axis=(1, 2, 3))) == 0


def test_of_a_sample_the_surest_errors_alone_are_collected() -> None:
    many = night(*((x, y) for x in range(20, 320, 40) for y in range(20, 240, 40)))
    generator = SampleGenerator([face_sample()], [], [many], varied(empty=1.0, drawn=0.0))
    found: list[int] = []

    def find(image: Image) -> Sequence[Face]:
        lights = find_light(image)
        found.append(len(lights))
        return [*lights, Face(Box(-40.0, -40.0, -20.0, -20.0), 0.1)]

    with pytest.raises(DataError, match=rf"found 0 and {MAX_ERRORS} in 1 samples"):
        collect_candidates(find, generator, 1, np.random.default_rng(0))
    assert found[0] > MAX_ERRORS


def test_a_detector_that_finds_nothing_teaches_nothing_and_is_told() -> None:
    with pytest.raises(DataError, match=r"expected faces and errors .*, found 0 and 0 in 32"):
        _collected(lambda _: [], night())


@pytest.mark.parametrize(
    ("box", "owner"),
    [
        ((12, 12, 32, 32), 0),
        ((15, 15, 35, 35), UNCLEAR),
        ((60, 60, 80, 80), UNCLEAR),
        ((70, 70, 90, 90), UNCLEAR),
        ((90, 10, 110, 30), NO_FACE),
    ],
    ids=["on a face", "beside it", "on what may be one", "near that", "elsewhere"],
)
def test_a_candidate_is_of_the_face_it_lies_on_and_of_none_only_where_none_may_be(
    box: tuple[int, ...], owner: int
) -> None:
    faces = np.array([(10, 10, 30, 30), (60, 60, 80, 80)], np.float32)
    assert match(np.array(box, np.float64), faces, np.array([False, True])) == owner
