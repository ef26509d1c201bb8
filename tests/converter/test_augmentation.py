import numpy as np
import pytest

from converter.augmentation import augment, mixup

FACES = np.random.default_rng(1).integers(0, 255, (8, 48, 48), dtype=np.uint8)


def test_faces_keep_their_shape_and_range_and_become_others() -> None:
    varied = augment(FACES, np.random.default_rng(0))
    assert varied.shape == FACES.shape
    assert varied.dtype == np.float32
    assert varied.min() >= 0
    assert varied.max() <= 255
    assert all(not np.array_equal(one, other) for one, other in zip(varied, FACES, strict=True))


def test_the_same_seed_gives_the_same_faces() -> None:
    first, again = (augment(FACES, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first, again)


def test_mixup_blends_faces_and_targets_by_the_same_share() -> None:
    faces = np.stack([np.zeros((4, 4)), np.ones((4, 4))]).astype(np.float32)
    targets = np.eye(2, dtype=np.float32)
    mixed, blended = mixup(faces, targets, 0.5, np.random.default_rng(3))
    assert blended.sum(axis=1) == pytest.approx([1, 1])
    assert mixed[:, 0, 0] == pytest.approx(blended[:, 1])
