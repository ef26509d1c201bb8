"""Crops: faces turned and moved with their points, and what a detector took for a face."""

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.errors import DataError
from edge.types import Image

pytest.importorskip("keras", reason="training needs the extra `convert`")

from converter.detector.refiner import (
    CropBatches,
    CropSquare,
    _false_candidates,
    collect_hard_negatives,
)
from converter.detector.sample_generator import SampleGenerator
from converter.detector.samples import TrainingSample
from converter.recipes import RefinerRecipe
from tests.converter.detector.drawn import patch, sample_of, varied
from tests.converter.detector.light_detector import light_seer

RECIPE = RefinerRecipe(
    epochs=1,
    batch_size=16,
    learning_rate=0.01,
    warmup_epochs=0,
    weight_decay=0.0,
    ema=0.9,
    seed=1,
    steps=4,
)


def _face() -> TrainingSample:
    """Return a gray face of 60 pixels in a picture, with a red right eye and a green left one."""
    sample = patch((120, 90, 160, 150), (120, 120, 120), size=(320, 240))
    for (x, y), color in zip(sample.points[0, :2], ((0, 0, 255), (0, 255, 0)), strict=True):
        sample.image[round(y) - 4 : round(y) + 4, round(x) - 4 : round(x) + 4] = color
    return sample


def _negatives() -> np.ndarray:
    return np.full((3, 96, 96, 3), 30, np.uint8)


def _batches(**changes: object) -> CropBatches:
    recipe = msgspec.structs.replace(RECIPE, **changes)
    return CropBatches([_face()], _negatives(), recipe)


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
    crops, truth = _batches(turn=turn, smallest=60.0)[0]
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
    bright = np.flatnonzero(profile > (profile.min() + np.median(profile)) / 2)
    return bright[0] / len(profile) - 0.5, (bright[-1] + 1) / len(profile) - 0.5


def test_a_face_that_is_not_turned_has_its_box_in_the_crop() -> None:
    """The face of 40 by 60 pixels is gray with bright eyes, around it is black."""
    crops, truth = _batches(smallest=60.0, batch_size=64)[0]
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


def _night(*boxes: tuple[int, int, int, int]) -> TrainingSample:
    image = np.zeros((96, 128, 3), np.uint8)
    image[44:52, 60:68] = 255
    return sample_of(image, list(boxes), [False] * len(boxes))


def _collected(samples: list[TrainingSample], empty: list[TrainingSample]) -> np.ndarray:
    share = 1.0 if empty else 0.0
    how = varied(empty=share, drawn=0.0, whole=1.0)
    studio = SampleGenerator(samples, [], empty, how)
    return collect_hard_negatives(light_seer(96, 128), studio, 32, np.random.default_rng(0))


def test_what_a_detector_sees_where_nobody_is_is_collected_with_its_surroundings() -> None:
    negatives = _collected([_night((0, 0, 8, 8))], [_night()])
    assert len(negatives) > 10
    assert negatives.shape[1:] == (96, 96, 3)
    middles = negatives[:, 36:60, 36:60].reshape(len(negatives), -1).max(axis=1)
    assert (middles > 100).all()


def test_a_detector_without_errors_teaches_nothing_and_is_told() -> None:
    blind = light_seer(96, 128)
    head = blind.get_layer("scores_head")
    head.set_weights([np.zeros_like(head.get_weights()[0]), np.array([-8.0])])
    studio = SampleGenerator([_night((0, 0, 8, 8))], [], [], varied())
    with pytest.raises(DataError, match=r"expected errors of the detector .*, found none in 32"):
        collect_hard_negatives(blind, studio, 32, np.random.default_rng(0))


def test_what_lies_on_a_face_or_on_what_may_be_one_is_no_error() -> None:
    boxes = [(10, 10, 30, 30), (60, 60, 80, 80)]
    scene = sample_of(np.zeros((96, 128, 3), np.uint8), boxes, [False, True])
    found = np.array([(12, 12, 32, 32), (70, 70, 90, 90), (90, 10, 110, 30)], np.float32)
    assert _false_candidates(found, scene).tolist() == found[2:].tolist()
