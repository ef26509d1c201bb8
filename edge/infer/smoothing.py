"""Steady labels out of flickering probabilities."""

import math
from typing import Annotated

import msgspec
import numpy as np

from edge.types import Probabilities


class SmoothingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How steady a label is; times are in seconds, whatever the frame rate.

    Attributes:
        time_constant: after it, a new expression weighs 63 % of the average.
        margin: lead in probability that a new label needs over the present one.
        dwell: how long a face is watched before its first label, and how long it must be readable,
            or not, before that is told.
    """

    time_constant: Annotated[float, msgspec.Meta(ge=0.0, le=60.0)] = 0.2
    margin: Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)] = 0.2
    dwell: Annotated[float, msgspec.Meta(ge=0.0, le=60.0)] = 0.3


class Smoother:
    """Sticky label of one track, and the probabilities behind it.

    The average is exponential in time (a first-order low-pass). The present label gets the margin
    on top of its average, and all are scaled to sum to 1 again: a new label needs that much more,
    and the label is always the likeliest class of what is shown. On the way from one to another,
    where none is probable enough, the old label stays with the probabilities it had.

    Args:
        settings: how steady.
        min_confidence: what a new label needs.

    Attributes:
        average: of the probabilities, float32 (classes,); None before the first update.
        probabilities: the same in favor of the label; None before the first label.
        label: index of the class that is shown; None while none was chosen.
        confidence: probability of the likeliest class, the label being favored.
    """

    def __init__(self, settings: SmoothingSettings, min_confidence: float = 0.0) -> None:
        self.average: Probabilities | None = None
        self.probabilities: Probabilities | None = None
        self.label: int | None = None
        self.confidence = 0.0
        self._settings = settings
        self._min_confidence = min_confidence
        self._started = 0.0
        self._updated = 0.0

    def update(self, probabilities: Probabilities, now: float) -> None:
        """Blend in what was seen at `now`, in seconds, and choose the label anew."""
        average = self._blend(probabilities, now)
        margin = 0.0 if self.label is None else self._settings.margin
        favored = average / (1 + margin)
        if self.label is not None:
            favored[self.label] += margin / (1 + margin)
        leader = int(np.argmax(favored))
        self.confidence = float(favored[leader])
        if leader == self.label:
            self.probabilities = favored
        elif self._watched(now) and average[leader] >= self._min_confidence:
            self.label, self.probabilities = leader, average

    def _watched(self, now: float) -> bool:
        return self.label is not None or now - self._started >= self._settings.dwell

    def _blend(self, probabilities: Probabilities, now: float) -> Probabilities:
        if self.average is None:
            self.average, self._started = probabilities, now
        else:
            constant = self._settings.time_constant
            keep = math.exp((self._updated - now) / constant) if constant else 0.0
            self.average = keep * self.average + (1 - keep) * probabilities
        self._updated = now
        return self.average
