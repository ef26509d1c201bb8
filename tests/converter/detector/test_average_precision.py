import math

import numpy as np
import pytest

from converter.detector.average_precision import (
    ALL,
    Detections,
    HeightRange,
    PrCurve,
    Truth,
    precision_recall,
)

FACE, SECOND, FAR = (0, 0, 20, 20), (100, 0, 120, 20), (200, 200, 220, 220)
NEAR = (0, 10, 20, 30)  # IoU 1/3 with FACE
SMALL, TALL = (50, 50, 60, 60), (50, 50, 60, 80)  # IoU 1/3


def average_precision(found: list[Detections], truth: list[Truth]) -> float:
    return precision_recall(found, truth).average_precision


def found(*rows: tuple[tuple[float, ...], float]) -> Detections:
    boxes = np.array([box for box, _ in rows], dtype=np.float32).reshape(-1, 4)
    return Detections(boxes, np.array([score for _, score in rows], dtype=np.float32))


def truth(*boxes: tuple[float, ...], ignored: tuple[tuple[float, ...], ...] = ()) -> Truth:
    flags = np.array([False] * len(boxes) + [True] * len(ignored), dtype=np.bool_)
    return Truth(np.array([*boxes, *ignored], dtype=np.float32).reshape(-1, 4), flags)


def curve(one: Detections, there: Truth, band: HeightRange = ALL, iou: float = 0.4) -> PrCurve:
    return precision_recall([one], [there], iou, band)


def counts(
    one: Detections, there: Truth, band: HeightRange = ALL, iou: float = 0.4
) -> tuple[int, int]:
    """Hits and false boxes at the lowest threshold."""
    traced = curve(one, there, band, iou)
    return (int(traced.hits[-1]), int(traced.false[-1])) if len(traced.hits) else (0, 0)


def test_all_faces_found_and_nothing_else_is_one() -> None:
    assert average_precision([found((FACE, 0.5), (SECOND, 0.9))], [truth(FACE, SECOND)]) == 1


def test_area_under_the_envelope_is_that_computed_by_hand() -> None:
    # Hit, false, hit, false, and a third face missed: precisions 1, 1/2, 2/3, 1/2 at recalls
    # 1/3, 1/3, 2/3, 2/3; the envelope is 1 up to 1/3 and 2/3 up to 2/3.
    one = found((FACE, 0.9), (FAR, 0.8), (SECOND, 0.7), ((300, 0, 320, 20), 0.6))
    traced = curve(one, truth(FACE, SECOND, (400, 0, 420, 20)))

    assert traced.precision == pytest.approx([1, 1 / 2, 2 / 3, 1 / 2])
    assert traced.recall == pytest.approx([1 / 3, 1 / 3, 2 / 3, 2 / 3])
    assert traced.average_precision == pytest.approx(1 / 3 + 2 / 9)


def test_envelope_lifts_a_dip_before_a_later_hit() -> None:
    # False, hit, hit: precision rises from 0 over 1/2 to 2/3, and 2/3 counts for all of it.
    one = found((FAR, 0.9), (FACE, 0.8), (SECOND, 0.7))

    assert average_precision([one], [truth(FACE, SECOND)]) == pytest.approx(2 / 3)


def test_order_of_pictures_and_of_equal_scores_does_not_matter() -> None:
    right, wrong = found((FACE, 0.5)), found((FAR, 0.5))
    there = truth(FACE)

    assert average_precision([right, wrong], [there, truth()]) == 0.5
    assert average_precision([wrong, right], [truth(), there]) == 0.5


def test_agrees_with_scikit_learn_where_nothing_is_ignored() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(0)
    faces = tuple((40.0 * column, 0.0, 40.0 * column + 20, 20.0) for column in range(300))
    real = random.random(300) < 0.4
    scores = np.round(random.normal(real * 1.0), 1).astype(np.float32)  # many are equal
    one = Detections(np.array(faces, dtype=np.float32), scores)
    there = truth(*(face for face, is_real in zip(faces, real, strict=True) if is_real))

    traced = curve(one, there)

    stepwise = float((np.diff(traced.recall, prepend=0.0) * traced.precision).sum())
    assert stepwise == pytest.approx(metrics.average_precision_score(real, scores))
    precision, recall, _ = metrics.precision_recall_curve(real, scores)  # recall falls to 0
    area = -(np.diff(recall) * np.maximum.accumulate(precision)[:-1]).sum()
    assert traced.average_precision == pytest.approx(area)


def test_second_box_of_a_face_is_false() -> None:
    assert counts(found((FACE, 0.9), (FACE, 0.8)), truth(FACE)) == (1, 1)


def test_surest_box_chooses_first_and_takes_the_face_it_overlaps_most() -> None:
    left, right = (0, 0, 20, 20), (8, 0, 28, 20)
    between, sure = (5, 0, 25, 20), (4.5, 0, 24.5, 20)  # both nearer to `right`

    assert counts(found((between, 0.5), (sure, 0.9)), truth(left, right)) == (2, 0)


@pytest.mark.parametrize(("iou", "expected"), [(0.33, (1, 0)), (0.34, (0, 1))])
def test_overlap_decides_what_is_a_hit(iou: float, expected: tuple[int, int]) -> None:
    assert counts(found((NEAR, 0.9)), truth(FACE), iou=iou) == expected


def test_boxes_on_an_ignored_one_are_left_out_however_many() -> None:
    crowd = (0, 0, 200, 200)
    inside = found((FACE, 0.9), (SECOND, 0.8), ((190, 190, 210, 210), 0.7))  # a quarter lies on it

    assert counts(inside, truth(ignored=(crowd,))) == (0, 1)


def test_ignored_boxes_are_not_missed() -> None:
    traced = curve(found((FACE, 0.9)), truth(FACE, ignored=(SECOND,)))

    assert (traced.faces, traced.average_precision) == (1, 1)


def test_face_that_overlaps_an_ignored_box_is_found_all_the_same() -> None:
    assert counts(found((FACE, 0.9)), truth(FACE, ignored=(FACE,))) == (1, 0)


def test_faces_of_other_heights_are_neither_missed_nor_false() -> None:
    one, there = found((FACE, 0.9), (SMALL, 0.8)), truth(FACE, SMALL)

    assert (counts(one, there), curve(one, there).faces) == ((1, 0), 1)
    assert counts(one, there, HeightRange(8, 16)) == (1, 0)


def test_box_of_a_face_of_another_height_is_left_out_though_its_own_would_count() -> None:
    assert counts(found((TALL, 0.9)), truth(SMALL), iou=0.3) == (0, 0)
    assert counts(found((TALL, 0.9)), truth(SMALL), iou=0.4) == (0, 1)


def test_box_of_a_face_counts_though_its_own_height_would_not() -> None:
    short = (0, 0, 20, 12)

    assert counts(found((short, 0.9)), truth(FACE)) == (1, 0)


def test_box_of_nothing_counts_in_the_band_of_its_own_height() -> None:
    one = found((SMALL, 0.9))

    assert counts(one, truth(FACE)) == (0, 0)
    assert counts(one, truth(FACE), HeightRange(8, 16)) == (0, 1)


@pytest.mark.parametrize(
    ("height", "inside"), [(15.9, False), (16, True), (31.9, True), (32, False)]
)
def test_band_begins_at_its_low_end_and_stops_before_its_high_one(
    height: float, inside: bool
) -> None:
    assert HeightRange(16, 32).contains(np.array([height])).tolist() == [inside]


def test_recall_counts_the_false_boxes_that_are_allowed() -> None:
    # One a hundred pictures: the second false box stops it, before the last face.
    one = found((FACE, 0.9), (FAR, 0.8), (SECOND, 0.7), (FAR, 0.6), ((300, 0, 320, 20), 0.5))
    there = truth(FACE, SECOND, (300, 0, 320, 20))

    traced = precision_recall([one, *[found()] * 99], [there, *[truth()] * 99])

    assert traced.images == 100
    assert traced.recall_at(0.01) == pytest.approx(2 / 3)
    assert traced.recall_at(0.0) == pytest.approx(1 / 3)


def test_nothing_found_is_zero_and_nothing_to_find_is_no_number() -> None:
    assert average_precision([found()], [truth(FACE)]) == 0
    assert curve(found(), truth(FACE)).recall_at(0.01) == 0
    assert math.isnan(average_precision([found((FACE, 0.9))], [truth()]))
    assert math.isnan(curve(found((FACE, 0.9)), truth()).recall_at(0.01))
    assert math.isnan(average_precision([], []))


def test_boxes_without_area_are_of_nothing() -> None:
    assert counts(found(((5, 5, 5, 25), 0.9)), truth((5, 5, 5, 25))) == (0, 1)


def test_unequal_numbers_of_pictures_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        precision_recall([found()], [])
