import numpy as np
import pytest

from edge.infer.track_state import (
    ExpressionTrackState,
    FaceObservation,
    Smoother,
    SmoothingSettings,
    UncertaintyHysteresis,
)
from edge.types import Probabilities, Reason
from tests.events import QUALITY

SETTINGS = SmoothingSettings(time_constant_s=0.3, hysteresis=0.1, hold_s=0.375)


CROP = np.zeros((48, 48), dtype=np.uint8)


def observe(label: int = 0, is_face: bool = True, *issues: Reason) -> FaceObservation:
    return FaceObservation(np.eye(2, dtype=np.float32)[label], is_face, QUALITY, issues, CROP)


GOOD = observe()
NO_FACE = observe(0, False)
DARK = observe(0, True, Reason.DARK)
DARK_NO_FACE = observe(0, False, Reason.DARK)


def state_after(*observations: FaceObservation, step: float = 0.125) -> ExpressionTrackState:
    """Return the state after `observations`, so many seconds apart."""
    state = ExpressionTrackState(SETTINGS)
    for index, observation in enumerate(observations):
        state.update(observation, index * step)
    return state


def test_a_face_that_was_good_for_the_dwell_time_has_a_label() -> None:
    assert state_after(*[GOOD] * 3).label is None
    assert state_after(*[GOOD] * 4).label == 0


def test_a_face_that_was_poor_from_the_start_is_uncertain_after_five_dwell_times() -> None:
    assert not state_after(*[DARK] * 15).confirmed
    assert state_after(*[DARK] * 16).reasons == (Reason.DARK,)


def test_once_a_track_is_confirmed_the_dwell_time_is_enough() -> None:
    assert state_after(*[DARK] * 16, *[GOOD] * 4).reasons == ()
    assert state_after(*[GOOD] * 4, *[DARK] * 4).reasons == (Reason.DARK,)


def test_what_was_never_a_face_is_never_confirmed() -> None:
    assert not state_after(*[NO_FACE] * 100).confirmed
    assert not state_after(*[DARK_NO_FACE] * 100).confirmed


def test_what_is_a_face_now_and_then_is_never_confirmed() -> None:
    assert not state_after(*[GOOD, GOOD, GOOD, NO_FACE] * 50).confirmed
    assert not state_after(*[DARK, NO_FACE] * 50).confirmed


def test_a_face_that_is_none_for_the_dwell_time_is_uncertain() -> None:
    assert state_after(*[GOOD] * 5, *[NO_FACE] * 3).reasons == ()
    assert state_after(*[GOOD] * 5, *[NO_FACE] * 4).reasons == (Reason.NOT_A_FACE,)


def test_no_face_is_not_reported_where_poor_quality_explains_it() -> None:
    assert state_after(*[GOOD] * 5, *[DARK_NO_FACE] * 4).reasons == (Reason.DARK,)


def test_a_poor_observation_does_not_enter_the_average() -> None:
    state = state_after(*[GOOD] * 5, observe(1, True, Reason.BLURRED))
    assert state.probabilities is not None
    assert state.probabilities == pytest.approx([1, 0], abs=1e-6)
    assert (state.label, state.reasons) == (0, ())


def test_a_face_that_comes_back_is_labeled_anew_after_the_dwell_time() -> None:
    before = [GOOD] * 5 + [DARK] * 5
    assert state_after(*before, *[observe(1)] * 3).reasons == (Reason.DARK,)
    state = state_after(*before, *[observe(1)] * 4)
    assert (state.label, state.reasons) == (1, ())
    assert state.probabilities is not None
    assert state.probabilities == pytest.approx([0, 1], abs=1e-6)


def test_a_face_at_the_edge_of_a_limit_does_not_flicker() -> None:
    state = ExpressionTrackState(SETTINGS)
    reported = []
    for index in range(200):
        state.update(DARK if index % 2 else GOOD, index / 30)
        reported.append((state.label, state.reasons))
    assert len(set(reported)) <= 2


def unsure(first: float) -> FaceObservation:
    """Return an observation with that probability of the first of three classes."""
    rest = (1 - first) / 2
    return FaceObservation(np.array([first, rest, rest], dtype=np.float32), True, QUALITY, (), CROP)


def state_with_threshold(
    *observations: FaceObservation, step: float = 0.125
) -> ExpressionTrackState:
    state = ExpressionTrackState(SETTINGS, min_confidence=0.5)
    for index, observation in enumerate(observations):
        state.update(observation, index * step)
    return state


def test_a_face_no_expression_of_which_is_probable_enough_is_ambiguous_after_the_dwell_time() -> (
    None
):
    assert state_with_threshold(*[unsure(0.9)] * 5).label == 0
    later = state_with_threshold(*[unsure(0.9)] * 5, *[unsure(0.34)] * 30)
    assert later.reasons == (Reason.AMBIGUOUS,)
    again = state_with_threshold(*[unsure(0.9)] * 5, *[unsure(0.34)] * 30, *[unsure(0.9)] * 8)
    assert (again.label, again.reasons) == (0, ())


def test_an_ambiguous_face_is_not_named_at_first() -> None:
    assert state_with_threshold(*[unsure(0.45)] * 10).label is None
    assert state_with_threshold(*[unsure(0.45)] * 16).reasons == (Reason.AMBIGUOUS,)


def test_an_expression_about_as_probable_as_it_must_be_does_not_flicker() -> None:
    state, reported = ExpressionTrackState(SETTINGS, min_confidence=0.5), []
    for index in range(300):
        state.update(unsure(0.5 + 0.04 * (-1) ** (index // 20)), index / 30)
        reported.append((state.label, state.reasons))
    assert len(set(reported)) <= 2


HAPPY = np.array([1.0, 0.0], dtype=np.float32)
SAD = np.array([0.0, 1.0], dtype=np.float32)


def feed(smoother: Smoother, row: Probabilities, start: float, end: float, fps: float) -> float:
    """Show `row` from `start` to `end`; return when the label last changed."""
    changed = start
    for step in range(1, round((end - start) * fps) + 1):
        before = smoother.label
        smoother.update(row, start + step / fps)
        if smoother.label != before:
            changed = start + step / fps
    return changed


@pytest.mark.parametrize("fps", [5, 30, 120])
def test_the_average_moves_by_seconds_and_not_by_frames(fps: float) -> None:
    smoother = Smoother(SmoothingSettings(time_constant_s=1.0))
    smoother.update(HAPPY, 0.0)
    feed(smoother, SAD, 0.0, 1.0, fps)
    assert smoother.average is not None
    assert smoother.average[1] == pytest.approx(1 - np.exp(-1), abs=1e-4)


def test_the_first_label_comes_after_the_dwell_time() -> None:
    smoother = Smoother(SmoothingSettings(hold_s=0.3))
    smoother.update(HAPPY, 10.0)
    assert smoother.label is None
    smoother.update(HAPPY, 10.2)
    assert smoother.label is None
    smoother.update(HAPPY, 10.3)
    assert smoother.label == 0


def test_without_a_dwell_time_one_update_is_enough() -> None:
    smoother = Smoother(SmoothingSettings(time_constant_s=0.0, hysteresis=0.0, hold_s=0.0))
    smoother.update(SAD, 0.0)
    assert smoother.label == 1
    smoother.update(HAPPY, 1.0)
    assert smoother.label == 0


def test_a_moment_changes_nothing() -> None:
    smoother = Smoother(SmoothingSettings(time_constant_s=0.2, hysteresis=0.2))
    feed(smoother, HAPPY, 0.0, 1.0, fps=30)
    for second in range(1, 10):
        feed(smoother, SAD, second, second + 0.1, fps=30)
        feed(smoother, HAPPY, second + 0.1, second + 1, fps=30)
        assert smoother.label == 0


def test_by_default_a_clear_new_expression_is_named_within_a_third_of_a_second() -> None:
    smoother = Smoother(SmoothingSettings())
    feed(smoother, np.array([0.8, 0.2], dtype=np.float32), 0.0, 2.0, fps=30)
    changed = feed(smoother, np.array([0.2, 0.8], dtype=np.float32), 2.0, 4.0, fps=30)
    assert 2.0 < changed <= 2.35


def test_a_lead_within_the_margin_changes_nothing() -> None:
    smoother = Smoother(SmoothingSettings(time_constant_s=0.0, hysteresis=0.1, hold_s=0.1))
    feed(smoother, HAPPY, 0.0, 1.0, fps=30)
    feed(smoother, np.array([0.46, 0.54], dtype=np.float32), 1.0, 5.0, fps=30)
    assert smoother.label == 0


def test_the_label_is_always_the_likeliest_of_what_is_shown() -> None:
    rng = np.random.default_rng(0)
    smoother = Smoother(SmoothingSettings())
    for step in range(600):
        smoother.update(rng.dirichlet(np.full(7, 0.1)).astype(np.float32), step / 30)
        if smoother.label is not None:
            assert smoother.probabilities is not None
            assert smoother.probabilities.sum() == pytest.approx(1, abs=1e-5)
            assert smoother.label == smoother.probabilities.argmax()


def test_a_new_label_is_as_probable_as_it_must_be() -> None:
    rng = np.random.default_rng(0)
    smoother = Smoother(SmoothingSettings(), min_confidence=0.5)
    labels = list[int | None]()
    for step in range(3000):
        smoother.update(rng.dirichlet(np.full(4, 0.05)).astype(np.float32), step / 5)
        if labels[-1:] != [smoother.label]:
            labels.append(smoother.label)
            assert smoother.probabilities is None or smoother.probabilities.max() >= 0.5
    assert len(labels) > 100


def test_the_first_label_waits_until_it_is_probable_enough() -> None:
    smoother = Smoother(SmoothingSettings(), min_confidence=0.6)
    feed(smoother, np.array([0.55, 0.45], dtype=np.float32), 0.0, 3.0, fps=30)
    assert smoother.label is None
    feed(smoother, HAPPY, 3.0, 4.0, fps=30)
    assert smoother.label == 0


DARK_REASON = (Reason.DARK,)
NO_REASON: tuple[Reason, ...] = ()


def uncertain(*observations: tuple[float, tuple[Reason, ...]], dwell: float = 0.5) -> list[bool]:
    """Return whether the face was uncertain after each observation, given with its time."""
    hysteresis, found = UncertaintyHysteresis(dwell), []
    for now, reasons in observations:
        hysteresis.update(reasons, now)
        found.append(bool(hysteresis.reasons))
    return found


def test_a_face_is_uncertain_once_a_reason_has_lasted() -> None:
    assert uncertain((0.0, DARK_REASON), (0.25, DARK_REASON), (0.5, DARK_REASON)) == [
        False,
        False,
        True,
    ]


def test_a_face_is_certain_once_there_was_no_reason_for_as_long() -> None:
    observations = (
        (0.0, DARK_REASON),
        (0.5, DARK_REASON),
        (1.0, NO_REASON),
        (1.25, NO_REASON),
        (1.5, NO_REASON),
    )
    assert uncertain(*observations) == [False, True, True, True, False]


def test_a_flicker_makes_a_face_neither_uncertain_nor_certain() -> None:
    flicker = [(tenth / 10, DARK_REASON if tenth % 2 else NO_REASON) for tenth in range(100)]
    assert not any(uncertain(*flicker))
    assert all(uncertain((-2.0, DARK_REASON), (-1.0, DARK_REASON), *flicker)[1:])


def test_without_a_dwell_time_one_observation_makes_a_face_uncertain_or_certain() -> None:
    assert uncertain((0.0, DARK_REASON), (0.0, NO_REASON), dwell=0.0) == [True, False]


def test_the_reasons_are_those_of_the_last_observation_that_gave_any() -> None:
    hysteresis = UncertaintyHysteresis(0.0)
    hysteresis.update(DARK_REASON, 0.0)
    hysteresis.update((Reason.BLURRED, Reason.DARK), 1.0)
    assert hysteresis.reasons == (Reason.BLURRED, Reason.DARK)
