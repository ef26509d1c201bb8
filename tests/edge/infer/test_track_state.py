import numpy as np
import pytest

from edge.infer.face_analyzer import FaceObservation
from edge.infer.smoothing import SmoothingSettings
from edge.infer.track_state import ExpressionTrackState
from edge.types import Reason
from tests.events import QUALITY

SETTINGS = SmoothingSettings(time_constant=0.3, margin=0.1, dwell=0.375)


CROP = np.zeros((48, 48), dtype=np.uint8)


def look(label: int = 0, accepted: bool = True, *poor: Reason) -> FaceObservation:
    return FaceObservation(np.eye(2, dtype=np.float32)[label], accepted, QUALITY, poor, CROP)


GOOD = look()
REFUSED = look(0, False)
DARK = look(0, True, Reason.DARK)
DARK_REFUSED = look(0, False, Reason.DARK)


def watch(*looks: FaceObservation, step: float = 0.125) -> ExpressionTrackState:
    """Return what is known after `looks`, so many seconds apart."""
    known = ExpressionTrackState(SETTINGS)
    for index, one in enumerate(looks):
        known.update(one, index * step)
    return known


def test_a_face_that_was_good_for_the_dwell_time_has_a_label() -> None:
    assert watch(*[GOOD] * 3).label is None
    assert watch(*[GOOD] * 4).label == 0


def test_a_face_that_was_poor_from_the_start_is_uncertain_after_five_dwell_times() -> None:
    assert not watch(*[DARK] * 15).believed
    assert watch(*[DARK] * 16).reasons == (Reason.DARK,)


def test_once_it_is_believed_the_dwell_time_is_enough() -> None:
    assert watch(*[DARK] * 16, *[GOOD] * 4).reasons == ()
    assert watch(*[GOOD] * 4, *[DARK] * 4).reasons == (Reason.DARK,)


def test_what_was_always_refused_is_never_believed() -> None:
    assert not watch(*[REFUSED] * 100).believed
    assert not watch(*[DARK_REFUSED] * 100).believed


def test_what_is_now_and_then_taken_for_a_face_is_never_believed() -> None:
    assert not watch(*[GOOD, GOOD, GOOD, REFUSED] * 50).believed
    assert not watch(*[DARK, REFUSED] * 50).believed


def test_a_face_that_is_refused_for_the_dwell_time_is_no_face_any_more() -> None:
    assert watch(*[GOOD] * 5, *[REFUSED] * 3).reasons == ()
    assert watch(*[GOOD] * 5, *[REFUSED] * 4).reasons == (Reason.NOT_A_FACE,)


def test_a_refusal_that_the_quality_explains_is_not_told() -> None:
    assert watch(*[GOOD] * 5, *[DARK_REFUSED] * 4).reasons == (Reason.DARK,)


def test_a_poor_look_does_not_enter_the_average() -> None:
    known = watch(*[GOOD] * 5, look(1, True, Reason.BLURRED))
    assert known.probabilities is not None
    assert known.probabilities == pytest.approx([1, 0], abs=1e-6)
    assert (known.label, known.reasons) == (0, ())


def test_a_face_that_comes_back_is_read_anew_after_the_dwell_time() -> None:
    before = [GOOD] * 5 + [DARK] * 5
    assert watch(*before, *[look(1)] * 3).reasons == (Reason.DARK,)
    known = watch(*before, *[look(1)] * 4)
    assert (known.label, known.reasons) == (1, ())
    assert known.probabilities is not None
    assert known.probabilities == pytest.approx([0, 1], abs=1e-6)


def test_a_face_at_the_edge_of_a_limit_does_not_flicker() -> None:
    known = ExpressionTrackState(SETTINGS)
    told = []
    for index in range(200):
        known.update(DARK if index % 2 else GOOD, index / 30)
        told.append((known.label, known.reasons))
    assert len(set(told)) <= 2


def unsure(first: float) -> FaceObservation:
    """A look that gives the first of three classes so much, and the others the rest."""
    rest = (1 - first) / 2
    return FaceObservation(np.array([first, rest, rest], dtype=np.float32), True, QUALITY, (), CROP)


def shown(*looks: FaceObservation, step: float = 0.125) -> ExpressionTrackState:
    known = ExpressionTrackState(SETTINGS, min_confidence=0.5)
    for index, one in enumerate(looks):
        known.update(one, index * step)
    return known


def test_a_face_no_expression_of_which_is_probable_enough_is_ambiguous_after_the_dwell_time() -> (
    None
):
    assert shown(*[unsure(0.9)] * 5).label == 0
    later = shown(*[unsure(0.9)] * 5, *[unsure(0.34)] * 30)
    assert later.reasons == (Reason.AMBIGUOUS,)
    again = shown(*[unsure(0.9)] * 5, *[unsure(0.34)] * 30, *[unsure(0.9)] * 8)
    assert (again.label, again.reasons) == (0, ())


def test_an_ambiguous_face_is_not_named_at_first() -> None:
    assert shown(*[unsure(0.45)] * 10).label is None
    assert shown(*[unsure(0.45)] * 16).reasons == (Reason.AMBIGUOUS,)


def test_an_expression_about_as_probable_as_it_must_be_does_not_flicker() -> None:
    known, told = ExpressionTrackState(SETTINGS, min_confidence=0.5), []
    for index in range(300):
        known.update(unsure(0.5 + 0.04 * (-1) ** (index // 20)), index / 30)
        told.append((known.label, known.reasons))
    assert len(set(told)) <= 2
