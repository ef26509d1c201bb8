"""Scenes: boxes and points go where the pixels go, and what is unclear is not judged."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from converter.detector.sample_generator import SMALL_SHARE, SampleGenerator
from converter.detector.samples import TrainingSample
from converter.recipes import SampleGeneratorConfig
from edge.types import Image
from tests.converter.detector.drawn import GROUND, PLAIN, patch, points_of, sample_of, varied

HEIGHT, WIDTH = 240, 320
BOX = (780, 610, 820, 670)
"""Where `patch` is filled: so far from the picture's edge that a scene does not reach it."""

RED, GREEN, BLUE = (0, 0, 255), (0, 255, 0), (255, 0, 0)


def _draw(
    samples: Sequence[TrainingSample], config: SampleGeneratorConfig, count: int, seed: int = 0
) -> Iterator[TrainingSample]:
    """Draw scenes of photographs with faces."""
    return _shoot(SampleGenerator(samples, [], [], config), count, seed)


def _shoot(generator: SampleGenerator, count: int, seed: int = 0) -> Iterator[TrainingSample]:
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield generator.draw(HEIGHT, WIDTH, rng)


def _weight(image: Image, color: Sequence[int]) -> NDArray[np.float64]:
    """Return how much of a pure colour each pixel has, 0 for gray."""
    channel = int(np.argmax(color))
    others = np.delete(image, channel, axis=2).max(axis=2)
    return np.asarray(np.maximum(image[..., channel].astype(float) - others, 0))


def _centroid(weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return where a weight lies, x and y; the corner of the first pixel is 0, 0."""
    rows, columns = np.indices(weight.shape)
    sums = np.array([(columns * weight).sum(), (rows * weight).sum()])
    return np.asarray(sums / weight.sum() + 0.5)


def _near(box: NDArray[np.float32], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a weight without what lies further from a box than five pixels."""
    y, x = np.indices(weight.shape)
    within = (x > box[0] - 5) & (x < box[2] + 5) & (y > box[1] - 5) & (y < box[3] + 5)
    return np.asarray(weight * within)


def _whole(scene: TrainingSample) -> NDArray[np.bool_]:
    """Tell which boxes touch no edge."""
    low, high = scene.boxes[:, :2].min(axis=1), [WIDTH, HEIGHT] - scene.boxes[:, 2:]
    return np.asarray((low > 1) & (high.min(axis=1) > 1))


def _eyed() -> TrainingSample:
    """Return a photograph of a gray face with a red right eye and a green left one."""
    sample = patch(BOX, (120, 120, 120))
    for (x, y), color in zip(sample.points[0, :2], (RED, GREEN), strict=True):
        sample.image[round(y) - 4 : round(y) + 4, round(x) - 4 : round(x) + 4] = color
    return sample


@pytest.mark.parametrize("largest", [20.0, 90.0, 200.0], ids=lambda height: f"{height:g} pixels")
def test_a_box_lies_where_its_pixels_lie(largest: float) -> None:
    """To a quarter of a pixel, mirrored or not: a box of 8 pixels forgives no whole one."""
    config = varied(smallest=largest / 2, largest=largest)
    seen = 0
    for scene in _draw([patch(BOX)], config, 60):
        if not _whole(scene).all():
            continue
        (box,) = scene.boxes
        weight = _near(box, (scene.image[..., 0].astype(float) - GROUND) / (230 - GROUND))
        assert _centroid(weight) == pytest.approx((box[:2] + box[2:]) / 2, abs=0.25)
        assert weight.sum() == pytest.approx(np.prod(box[2:] - box[:2]), rel=0.05)
        seen += 1
    assert seen > 15


def test_points_lie_where_their_pixels_lie_and_mirrored_eyes_swap() -> None:
    mirrored = []
    for scene in _draw([_eyed()], varied(turn=15.0), 80):
        weights = [_weight(scene.image, color) for color in (RED, GREEN)]
        if not all((weight > 100).any() for weight in weights) or not _whole(scene).all():
            continue
        red, green = map(_centroid, weights)
        mirrored.append(red[0] > green[0])
        eyes = (green, red) if mirrored[-1] else (red, green)
        assert scene.points[0, :2] == pytest.approx(np.array(eyes), abs=0.4)
    assert 10 < sum(mirrored) < len(mirrored) - 10


def test_points_stay_unknown_that_were_unknown() -> None:
    sample = patch(BOX)
    sample.points[:] = np.nan
    assert all(np.isnan(scene.points).all() for scene in _draw([sample], PLAIN, 20))


def test_sizes_are_drawn_evenly_from_the_smallest_to_the_largest() -> None:
    """Each doubling as often: the logarithms lie evenly."""
    config = varied(smallest=6.0, largest=20.0, zoom=10.0)
    heights = [
        float(scene.boxes[0, 3] - scene.boxes[0, 1])
        for scene in _draw([patch(BOX)], config, 300)
        if _whole(scene).all()
    ]
    assert len(heights) > 250
    shares = np.sort(np.log(np.array(heights) / 6) / np.log(20 / 6))
    assert np.abs(shares - np.linspace(0, 1, len(shares))).max() < 0.1


def test_no_photograph_is_enlarged_further_than_asked() -> None:
    config = varied(smallest=100.0, largest=150.0, zoom=2.0)
    small = patch((795, 640, 805, 655))
    for scene in _draw([small], config, 30):
        assert (scene.boxes[:, 3] - scene.boxes[:, 1] <= 2 * 15 + 1e-3).all()


def test_only_large_faces_serve_for_the_large_sizes() -> None:
    """What is small in its photograph would be a blur."""
    config = varied(smallest=57.0, largest=90.0, zoom=2.0)
    samples = [patch((790, 640, 810, 660), RED), patch(BOX, GREEN)]
    assert not any(_weight(scene.image, RED).any() for scene in _draw(samples, config, 40))


def test_a_face_mostly_beyond_the_edge_is_not_judged() -> None:
    """Its box ends at the edge; less than half of it is too little to ask for."""
    config = varied(smallest=100.0, largest=100.0001)
    unclear: list[bool] = []
    sample = patch(BOX)
    beside = sample_of(sample.image, [BOX, (720, 610, 760, 670)], [False, False])
    for scene in _draw([beside], config, 150):
        assert scene.boxes.min() >= 0
        assert (scene.boxes[:, 2:] <= [WIDTH, HEIGHT]).all()
        seen = np.prod(scene.boxes[:, 2:] - scene.boxes[:, :2], axis=1) / (100 * 100 * 40 / 60)
        clear = np.abs(seen - 0.5) > 0.01
        assert np.array_equal(scene.ignored[clear], seen[clear] < 0.5)
        unclear.extend(scene.ignored.tolist())
    assert 0 < sum(unclear) < len(unclear) / 2


def test_a_face_smaller_than_any_that_is_drawn_is_not_judged() -> None:
    config = varied(smallest=40.0, largest=80.0)
    image = patch(BOX).image
    crowd = sample_of(image, [BOX, (840, 640, 850, 650), (840, 600, 875, 645)], [False] * 3)
    ignored: list[bool] = []
    for scene in _draw([crowd], config, 60):
        whole = _whole(scene)
        heights = (scene.boxes[:, 3] - scene.boxes[:, 1])[whole]
        assert np.array_equal(scene.ignored[whole], heights < SMALL_SHARE * 40)
        ignored.extend(scene.ignored[whole].tolist())
    assert 10 < sum(ignored) < len(ignored) - 10


@pytest.mark.parametrize("mosaic", [0.0, 1.0])
def test_what_is_not_judged_in_a_photograph_never_is(mosaic: float) -> None:
    image = patch(BOX, GREEN).image
    other = (830, 610, 870, 670)
    image[other[1] : other[3], other[0] : other[2]] = BLUE
    sample = sample_of(image, [BOX, other], [False, True])
    met = 0
    for scene in _draw([sample], varied(mosaic=mosaic), 40):
        for box, ignored in zip(scene.boxes.round().astype(int), scene.ignored, strict=True):
            x1, y1, x2, y2 = box
            inside = scene.image[y1 + 2 : y2 - 2, x1 + 2 : x2 - 2]
            if inside.size and (_weight(inside, BLUE) > 200).mean() > 0.5:
                assert ignored
                met += 1
    assert met > 10


def test_a_mosaic_has_four_parts_and_no_box_reaches_into_another() -> None:
    for scene in _draw([patch(BOX)], varied(mosaic=1.0, smallest=16.0), 40):
        assert len(scene.boxes) == 4  # left above and below, right above and below
        assert scene.boxes[:2, 2].max() <= scene.boxes[2:, 0].min()
        assert scene.boxes[[0, 2], 3].max() <= scene.boxes[[1, 3], 1].min()


def test_the_boxes_of_a_mosaic_hold_all_that_its_parts_show_of_faces() -> None:
    for scene in _draw([patch(BOX)], varied(mosaic=1.0, smallest=24.0), 40):
        covered = np.zeros((HEIGHT, WIDTH), bool)
        bright = scene.image[..., 0] > (230 + GROUND) / 2
        for x1, y1, x2, y2 in scene.boxes.tolist():
            covered[
                max(round(y1) - 1, 0) : round(y2) + 1, max(round(x1) - 1, 0) : round(x2) + 1
            ] = 1
            inside = bright[int(y1) + 2 : int(y2) - 1, int(x1) + 2 : int(x2) - 1]
            assert inside.all()
        assert not bright[~covered].any()


def test_pictures_without_faces_are_shown_as_often_as_their_weights_say() -> None:
    black, blue = np.zeros((300, 400, 3), np.uint8), np.full((300, 400, 3), BLUE, np.uint8)
    config = varied(empty=1.0, drawn=0.0)
    generator = SampleGenerator(
        [patch(BOX)], [], [sample_of(black, [], []), sample_of(blue, [], [])], config
    )
    assert generator.weights.tolist() == [0.5, 0.5]
    generator.weights = np.array([0.25, 0.75])
    scenes = list(_shoot(generator, 200))
    assert not any(len(scene.boxes) for scene in scenes)
    # Borders may be of any colour, the middle is the picture's.
    share = np.mean([_weight(scene.image, BLUE).mean() > 100 for scene in scenes])
    assert share == pytest.approx(0.75, abs=0.08)


def test_without_such_photographs_pictures_without_faces_are_drawn() -> None:
    for scene in _draw([patch(BOX)], varied(empty=1.0, drawn=0.0), 20):
        assert (len(scene.boxes), len(scene.points), len(scene.ignored)) == (0, 0, 0)
        assert scene.image.std() > 1


def _closeup() -> TrainingSample:
    """Return a face cut close: black, its right eye white."""
    image = np.zeros((48, 48, 3), np.uint8)
    box = (10, 8, 38, 42)
    (eye, *_), *_ = points_of(np.array([box], np.float32))
    x, y = map(round, eye.tolist())
    image[y - 3 : y + 3, x - 3 : x + 3] = 255
    sample = sample_of(image, [box], [False])
    sample.points[0, 0] = x, y
    return sample


def test_a_portrait_is_laid_with_its_box_and_points_where_its_pixels_are() -> None:
    config = varied(portraits=1.0, drawn=0.0, near=40.0, largest=90.0)
    generator = SampleGenerator(
        [patch(BOX)], [_closeup()], [sample_of(np.zeros((240, 320, 3), np.uint8), [], [])], config
    )
    mirrored = []
    for scene in _shoot(generator, 150):
        edges = (scene.image[[0, -1]], scene.image[:, [0, -1]])
        if any(edge.any() for edge in edges) or not _whole(scene).all():
            continue  # something of another colour than black lies beside the photograph
        assert scene.ignored.tolist() == [False]
        assert 40 - 1e-3 <= scene.boxes[0, 3] - scene.boxes[0, 1] <= 90 + 1e-3
        eye = _centroid(scene.image.max(axis=2).astype(float))
        far = np.abs(scene.points[0, :2] - eye).max(axis=1)
        assert far.min() < 0.4
        mirrored.append(bool(far.argmin()))
    assert 5 < sum(mirrored) < len(mirrored) - 5


@pytest.mark.parametrize("turn", [0.0, 40.0])
def test_a_close_face_fills_the_upper_left_of_a_scene_and_its_points_lie_where_its_pixels_are(
    turn: float,
) -> None:
    generator = SampleGenerator([patch(BOX)], [_closeup()], [], varied(close=1.0, turn=turn))
    seen = 0
    for scene in _shoot(generator, 150):
        (box,) = scene.boxes
        assert box[3] - box[1] > 0.35 * HEIGHT
        if scene.image[:8].max() or not _whole(scene).all() or (scene.image == GROUND).any():
            continue  # the photograph, or a portrait whose eye may be cut
        eye = _centroid(scene.image.max(axis=2).astype(float))
        assert np.abs(scene.points[0, :2] - eye).max(axis=1).min() < 1.0
        seen += 1
    assert seen > 10


def test_the_same_numbers_draw_the_same_scene_to_the_pixel_and_others_another() -> None:
    config = SampleGeneratorConfig()
    samples, closeups = [_eyed(), patch(BOX, RED)], [_closeup()]
    noise = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    empty = [sample_of(noise, [], [])]

    def scenes(seed: int) -> list[TrainingSample]:
        return list(_shoot(SampleGenerator(samples, closeups, empty, config), 30, seed))

    for one, same, other in zip(scenes(1), scenes(1), scenes(2), strict=True):
        for field in ("image", "boxes", "points", "ignored"):
            assert np.array_equal(
                getattr(one, field), getattr(same, field), equal_nan=field != "ignored"
            )
        assert not np.array_equal(one.image, other.image)


@pytest.mark.parametrize("size", [(1, 1), (400, 3), (3, 400), (2000, 20)], ids=str)
def test_scenes_have_the_asked_size_whatever_the_photographs(size: tuple[int, int]) -> None:
    width, height = size
    image = np.full((height, width, 3), 200, np.uint8)
    sample = sample_of(image, [(0, 0, width, height), (0, 0, 1, 1)], [False, True])
    generator = SampleGenerator(
        [sample], [_closeup()], [sample_of(image, [], [])], SampleGeneratorConfig()
    )
    rng = np.random.default_rng(0)
    for number in range(60):
        form = ((64, 96), (61, 97), (120, 160))[number % 3]
        scene = generator.draw(*form, rng)
        assert scene.image.shape == (*form, 3)
        assert scene.image.dtype == np.uint8
        assert np.isfinite(scene.boxes).all()
        assert (scene.boxes[:, 2:] > scene.boxes[:, :2]).all()
        count = len(scene.boxes)
        assert (scene.points.shape, scene.ignored.shape) == ((count, 4, 2), (count,))


def test_a_photograph_whose_faces_are_all_unclear_serves_too() -> None:
    sample = patch(BOX)
    sample.ignored[:] = True
    assert all(
        scene.ignored.all() for scene in _draw([sample], SampleGeneratorConfig(empty=0.0), 20)
    )
