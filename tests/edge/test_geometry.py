import pytest

from edge.geometry import Box, KeyPoints, Point, Shift


def test_iou_is_one_for_equal_boxes_and_zero_for_boxes_apart() -> None:
    box = Box(0, 0, 10, 10)
    assert box.iou(box) == 1.0
    assert box.iou(Box(10, 0, 20, 10)) == 0.0


def test_iou_of_half_overlapping_boxes_is_a_third() -> None:
    assert Box(0, 0, 10, 10).iou(Box(5, 0, 15, 10)) == pytest.approx(1 / 3)


def test_a_box_without_area_overlaps_nothing() -> None:
    assert Box(5, 5, 5, 5).iou(Box(5, 5, 5, 5)) == 0.0


def test_a_shift_moves_and_scales_a_box_and_key_points_alike() -> None:
    shift = Shift(10.0, -5.0, scale=2.0)
    assert Box(0, 0, 10, 20).moved(shift) == Box(10, -5, 30, 35)
    points = KeyPoints(Point(1, 1), Point(2, 2), Point(3, 3), Point(4, 4), right_ear=Point(5, 5))
    moved = points.moved(shift)
    assert (moved.right_eye, moved.right_ear) == (Point(12, -3), Point(20, 5))
    assert moved.left_ear is None


@pytest.mark.parametrize(("left_eye", "roll"), [((10, 0), 0), ((10, 10), 45), ((10, -10), -45)])
def test_a_head_is_tilted_as_the_line_of_its_eyes_is(
    left_eye: tuple[int, int], roll: float
) -> None:
    points = KeyPoints(Point(0, 0), Point(*left_eye), Point(5, 5), Point(5, 8))
    assert points.roll == pytest.approx(roll)
