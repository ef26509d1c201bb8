import numpy as np

from edge.geometry import Box
from edge.track.motion import MotionDetector, is_cut
from edge.types import GrayImage


def noise(seed: int) -> GrayImage:
    """Return a gray image with the noise of a webcam."""
    values = np.random.default_rng(seed).normal(120, 2, (240, 320))
    return np.clip(values, 0, 255).astype(np.uint8)


def test_without_a_reference_everything_changed() -> None:
    assert MotionDetector().max_change(noise(0)) == 255.0


def test_the_noise_of_a_camera_is_hardly_motion() -> None:
    motion = MotionDetector()
    motion.set_reference(noise(0))
    assert motion.max_change(noise(1)) <= 5.0


def test_a_small_thing_that_moves_is_motion() -> None:
    motion, after = MotionDetector(), noise(1)
    motion.set_reference(noise(0))
    after[100:112, 200:212] += 40
    assert motion.max_change(after) > 20.0


def test_slow_motion_adds_up_until_the_reference_is_set_anew() -> None:
    motion, image = MotionDetector(), np.full((240, 320), 100, dtype=np.uint8)
    motion.set_reference(image)
    assert motion.max_change(image + np.uint8(20)) == 20.0
    motion.set_reference(image + np.uint8(20))
    assert motion.max_change(image + np.uint8(21)) == 1.0


def test_images_of_another_shape_are_compared_all_the_same() -> None:
    motion = MotionDetector()
    motion.set_reference(np.zeros((240, 320), dtype=np.uint8))
    assert motion.max_change(np.zeros((10, 10), dtype=np.uint8)) == 0.0


def test_an_image_that_was_compared_and_then_is_the_reference_has_not_changed() -> None:
    motion, image = MotionDetector(), noise(3)
    motion.max_change(image)
    motion.set_reference(image)
    assert motion.max_change(image) == 0.0


def test_motion_inside_known_boxes_is_not_outside() -> None:
    motion, after = MotionDetector(), noise(1)
    motion.set_reference(noise(0))
    after[100:112, 200:212] += 40
    assert motion.max_change_outside(after, [Box(190, 90, 220, 120)]) <= 5.0
    assert motion.max_change_outside(after, [Box(0, 0, 60, 60)]) > 20.0


def test_a_box_that_reaches_beyond_the_image_hides_what_is_in_it() -> None:
    motion, after = MotionDetector(), noise(1)
    motion.set_reference(noise(0))
    after[:10, :10] += 40
    assert motion.max_change_outside(after, [Box(-50, -50, 12, 12)]) <= 5.0
    assert (
        motion.max_change_outside(after, [Box(-50, -50, -10, -10), Box(400, 300, 500, 400)]) > 20.0
    )


def room(seed: int) -> GrayImage:
    """Return a blurred image with lights and shadows of its own."""
    rng = np.random.default_rng(seed)
    coarse = (255 * rng.random((6, 8)) ** rng.uniform(0.5, 2)).astype(np.uint8)
    return np.kron(coarse, np.ones((40, 40), dtype=np.uint8))


def test_another_shot_is_a_cut() -> None:
    assert all(is_cut(room(seed), room(seed + 1)) for seed in range(0, 20, 2))


def test_what_moves_in_a_shot_is_no_cut() -> None:
    before = room(0)
    after = np.roll(before, 12, axis=1)
    after[60:180, 100:200] = 200
    assert not is_cut(before, after)
    assert not is_cut(noise(0), noise(1))
