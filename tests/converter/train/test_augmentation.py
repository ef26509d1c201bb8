import msgspec
import numpy as np
import pytest

from converter.recipes import Augmentation
from converter.train.augmentation import augment, mirror_half, mixup

FACES = np.random.default_rng(1).integers(0, 255, (8, 48, 48), dtype=np.uint8)
STILL = Augmentation(smallest=1, largest=1, turn=0, shift=0, contrast=0, brightness=0)


def test_faces_keep_their_shape_and_range_and_become_others() -> None:
    varied = augment(FACES, Augmentation(), np.random.default_rng(0))
    assert varied.shape == FACES.shape
    assert varied.dtype == np.uint8
    assert all(not np.array_equal(one, other) for one, other in zip(varied, FACES, strict=True))


def test_the_same_seed_gives_the_same_faces() -> None:
    first, again = (augment(FACES, Augmentation(), np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first, again)


def test_an_augmentation_of_no_extent_leaves_faces_as_they_are() -> None:
    assert np.array_equal(augment(FACES, STILL, np.random.default_rng(0)), FACES)


def test_about_half_of_the_faces_are_mirrored_and_none_is_changed_otherwise() -> None:
    many = np.repeat(FACES, 50, axis=0)
    mirrored = mirror_half(many, np.random.default_rng(0))
    turned = (mirrored == many[:, :, ::-1]).all(axis=(1, 2))
    assert 0.4 < turned.mean() < 0.6
    assert np.array_equal(mirrored[~turned], many[~turned])


def test_faces_and_targets_are_blended_by_the_same_share() -> None:
    faces = np.stack([np.zeros((48, 48)), np.ones((48, 48))]).astype(np.float32)
    targets = np.eye(2, dtype=np.float32)
    mixed, blended = mixup(faces, targets, 1.0, np.random.default_rng(3))
    assert blended.sum(axis=1) == pytest.approx([1, 1])
    assert mixed.mean(axis=(1, 2)) == pytest.approx(blended[:, 1], abs=1e-5)
    assert 0 < blended[0, 1] < 1


def test_as_many_faces_are_spoilt_as_the_recipe_says() -> None:
    faces = np.tile(np.linspace(40, 220, 48, dtype=np.uint8), (400, 48, 1))
    plain = augment(faces, STILL, np.random.default_rng(0))
    spoilt = augment(faces, msgspec.structs.replace(STILL, spoilt=0.3), np.random.default_rng(0))
    changed = (spoilt != plain).any(axis=(1, 2)).mean()
    assert changed == pytest.approx(0.3, abs=0.06)
    assert spoilt.shape == faces.shape
