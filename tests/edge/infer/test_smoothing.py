import numpy as np
import pytest

from edge.infer.smoothing import Smoother, SmoothingSettings
from edge.records import Probabilities

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
    assert smoother.probabilities is not None
    assert smoother.probabilities[1] == pytest.approx(1 - np.exp(-1), abs=1e-4)


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


def test_a_lead_must_last_before_the_label_changes() -> None:
    settings = SmoothingSettings(time_constant=0.0, margin=0.1, dwell=0.5)
    smoother = Smoother(settings)
    feed(smoother, HAPPY, 0.0, 1.0, fps=30)
    assert feed(smoother, SAD, 1.0, 3.0, fps=30) == pytest.approx(1.5, abs=0.1)


def test_a_flicker_changes_nothing() -> None:
    smoother = Smoother(SmoothingSettings(time_constant=0.0, dwell=0.3))
    feed(smoother, HAPPY, 0.0, 1.0, fps=30)
    for second in range(1, 10):
        feed(smoother, SAD, second, second + 0.2, fps=30)
        feed(smoother, HAPPY, second + 0.2, second + 1, fps=30)
        assert smoother.label == 0


def test_a_lead_within_the_margin_changes_nothing() -> None:
    smoother = Smoother(SmoothingSettings(time_constant=0.0, margin=0.1, dwell=0.1))
    feed(smoother, HAPPY, 0.0, 1.0, fps=30)
    feed(smoother, np.array([0.46, 0.54], dtype=np.float32), 1.0, 5.0, fps=30)
    assert smoother.label == 0
