"""Steady labels out of flickering probabilities."""

import math
from dataclasses import dataclass
from typing import Annotated

import msgspec
import numpy as np

from edge.records import Probabilities


class SmoothingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How steady a label is; all in seconds, whatever the frame rate.

    Attributes:
        time_constant: after it, a new expression weighs 63 % of the average.
        margin: lead in probability that a new label needs over the present one.
        dwell: seconds the lead must last.
    """

    time_constant: Annotated[float, msgspec.Meta(ge=0.0, le=60.0)] = 0.1
    margin: Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)] = 0.05
    dwell: Annotated[float, msgspec.Meta(ge=0.0, le=60.0)] = 0.2


@dataclass(slots=True)
class _Lead:
    """A class that leads by the margin, and since when."""

    index: int
    since: float


class Smoother:
    """The average of one track's probabilities, and the label drawn from it.

    The average is exponential in time (a first-order low-pass), the label has hysteresis in both
    height (`margin`) and time (`dwell`). The first label is the likeliest class once the face was
    watched for the dwell time.

    Attributes:
        probabilities: the average, float32 (classes,); None before the first update.
        label: index of the class that is shown; None while none was chosen.
    """

    def __init__(self, settings: SmoothingSettings) -> None:
        self.probabilities: Probabilities | None = None
        self.label: int | None = None
        self._settings = settings
        self._started = 0.0
        self._updated = 0.0
        self._lead: _Lead | None = None

    def update(self, probabilities: Probabilities, now: float) -> None:
        """Blend in what was seen at `now`, in seconds, and choose the label anew."""
        average = self._blend(probabilities, now)
        if self.label is not None:
            self._reconsider(average, self.label, now)
        elif now - self._started >= self._settings.dwell:
            self.label = int(np.argmax(average))

    def _blend(self, probabilities: Probabilities, now: float) -> Probabilities:
        if self.probabilities is None:
            self.probabilities, self._started = probabilities, now
        else:
            constant = self._settings.time_constant
            keep = math.exp((self._updated - now) / constant) if constant else 0.0
            self.probabilities = keep * self.probabilities + (1 - keep) * probabilities
        self._updated = now
        return self.probabilities

    def _reconsider(self, average: Probabilities, label: int, now: float) -> None:
        leader = int(np.argmax(average))
        if leader == label or average[leader] - average[label] < self._settings.margin:
            self._lead = None
            return
        if self._lead is None or self._lead.index != leader:
            self._lead = _Lead(leader, now)
        if now - self._lead.since >= self._settings.dwell:
            self.label, self._lead = leader, None
