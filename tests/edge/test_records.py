import pytest

from edge.records import Box


def test_iou_is_one_for_equal_boxes_and_zero_for_boxes_apart() -> None:
    box = Box(0, 0, 10, 10)
    assert box.iou(box) == 1.0
    assert box.iou(Box(10, 0, 20, 10)) == 0.0


def test_iou_of_half_overlapping_boxes_is_a_third() -> None:
    assert Box(0, 0, 10, 10).iou(Box(5, 0, 15, 10)) == pytest.approx(1 / 3)


def test_a_box_without_area_overlaps_nothing() -> None:
    assert Box(5, 5, 5, 5).iou(Box(5, 5, 5, 5)) == 0.0
