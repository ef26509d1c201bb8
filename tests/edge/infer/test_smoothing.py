import numpy as np
import pytest

from edge.infer.smoothing import Smoother, SmoothingSettings
from edge.types import Probabilities

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
    smoother = Smoother(SmoothingSettings(time_constant=1.0))
    smoother.update(HAPPY, 0.0)
    feed(smoother, SAD, 0.0, 1.0, fps)
    assert smoother.average is not None
    assert smoother.average[1] == pytest.approx(1 - np.exp(-1), abs=1e-4)


def test_the_first_label_comes_after_the_dwell_time() -> None:
    smoother = Smoother(SmoothingSettings(dwell=0.3))
    smoother.update(HAPPY, 10.0)
    assert smoother.label is None
    smoother.update(HAPPY, 10.2)
    assert smoother.label is None
    smoother.update(HAPPY, 10.3)
    assert smoother.label == 0


def test_without_a_dwell_time_one_look_is_enough() -> None:
    smoother = Smoother(SmoothingSettings(time_constant=0.0, margin=0.0, dwell=0.0))
    smoother.update(SAD, 0.0)
    assert smoother.label == 1
    smoother.update(HAPPY, 1.0)
    assert smoother.label == 0


def test_a_moment_changes_nothing() -> None:
    smoother = Smoother(SmoothingSettings(time_constant=0.2, margin=0.2))
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
    smoother = Smoother(SmoothingSettings(time_constant=0.0, margin=0.1, dwell=0.1))
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
