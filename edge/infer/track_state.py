"""Expression of one track over time: smoothed probabilities, a steady label, and uncertainty."""

import math
from typing import Annotated, NamedTuple

import msgspec
import numpy as np

from edge.types import GrayImage, Probabilities, Quality, Reason

FIRST_UNCERTAIN_DWELLS = 5.0  # until a face never read is uncertain: most likely a false one


class SmoothingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Steadiness of a label; times are in seconds, whatever the frame rate.

    Attributes:
        time_constant_s: after it, a new expression weighs 63 % of the average.
        hysteresis: lead in probability that a new label needs over the present one.
        hold_s: how long a face is watched before its first label, and how long it must be readable,
            or not, before that is reported.
    """

    time_constant_s: Annotated[float, msgspec.Meta(ge=0.0, le=60.0)] = 0.2
    hysteresis: Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)] = 0.2
    hold_s: Annotated[float, msgspec.Meta(ge=0.0, le=60.0)] = 0.3


class FaceObservation(NamedTuple):
    """Answer of the classifier for one `crop`, and the quality of the face."""

    probabilities: Probabilities
    is_face: bool
    quality: Quality
    quality_issues: tuple[Reason, ...]  # what makes it too poor to classify
    crop: GrayImage

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Reasons why it cannot be read; NOT_A_FACE stands alone: poor crops are taken for none."""
        return self.quality_issues or (() if self.is_face else (Reason.NOT_A_FACE,))


class Smoother:
    """Steady label of one track, and the probabilities behind it.

    The average is exponential in time (a first-order low-pass). The present label gets the margin
    on top of its average, and all are scaled to sum to 1 again. So a new label needs that much
    more, and the label is always the likeliest class of `probabilities`. A new label needs an
    average of `min_confidence`; until one has it, the old stays with the probabilities it had.

    Attributes:
        average: of the probabilities, float32 (classes,); None before the first update.
        label: index of the class that is shown; None while none was chosen.
        probabilities: the average in favor of the label; None before the first label.
        confidence: the highest of these.
    """

    def __init__(self, settings: SmoothingSettings, min_confidence: float = 0.0) -> None:
        self.average: Probabilities | None = None
        self.probabilities: Probabilities | None = None
        self.label: int | None = None
        self.confidence = self._started_at = self._updated_at = 0.0
        self._settings, self._min_confidence = settings, min_confidence

    def update(self, probabilities: Probabilities, now: float) -> Probabilities:
        """Add probabilities observed at `now`, in seconds, choose the label; return the average."""
        if self.average is None:
            self.average, self._started_at = probabilities, now
        else:
            constant = self._settings.time_constant_s
            keep = math.exp((self._updated_at - now) / constant) if constant else 0.0
            self.average = keep * self.average + (1 - keep) * probabilities
        self._updated_at, average = now, self.average
        margin = 0.0 if self.label is None else self._settings.hysteresis
        favored = average / (1 + margin)
        if self.label is not None:
            favored[self.label] += margin / (1 + margin)
        leader = int(np.argmax(favored))
        self.confidence = float(favored[leader])
        watched = self.label is not None or now - self._started_at >= self._settings.hold_s
        if leader == self.label:
            self.probabilities = favored
        elif watched and average[leader] >= self._min_confidence:
            self.label, self.probabilities = leader, average
        return average


class UncertaintyHysteresis:
    """Reasons why one face is uncertain, which do not flicker; empty where it is not.

    A face becomes uncertain once every observation for `dwell` seconds gave a reason, and certain
    again once none did for as long. Then the reasons are those of the last that gave any.
    """

    def __init__(self, dwell: float) -> None:
        self.dwell, self.reasons = dwell, tuple[Reason, ...]()
        self._changed_at: float | None = None

    def update(self, reasons: tuple[Reason, ...], now: float) -> None:
        """Add the reasons that an observation at `now`, in seconds, gave, if any."""
        if bool(reasons) != bool(self.reasons):
            if self._changed_at is None:
                self._changed_at = now
            if now - self._changed_at < self.dwell:
                return
        self.reasons, self._changed_at = reasons, None


class ExpressionTrackState:
    """Smoothed expression of one track, and whether it is uncertain.

    A track is confirmed by a label, or by uncertainty that lasted longer than a label must. Until
    then a single crop that is no face resets it: false faces pass for faces now and then, and not
    for long. Below `min_confidence` an expression is ambiguous.

    Attributes:
        observation, observed_at: the last one, and when that was, in seconds.
        classified_at: when its probabilities were computed; an observation may be added repeatedly.
        zones: those that the face was last seen in.
    """

    def __init__(self, settings: SmoothingSettings, min_confidence: float = 0.0) -> None:
        self.observation: FaceObservation | None = None
        self.observed_at = self.classified_at = -math.inf
        self.zones: tuple[str, ...] = ()
        self._settings, self._min_confidence = settings, min_confidence
        self._start_anew()

    def _start_anew(self) -> None:
        self._smoother = Smoother(self._settings, self._min_confidence)
        self._uncertainty = UncertaintyHysteresis(FIRST_UNCERTAIN_DWELLS * self._settings.hold_s)

    def update(self, observation: FaceObservation, now: float) -> None:
        """Add an observation at `now`, in seconds."""
        if observation is not self.observation:
            self.classified_at = now
        self.observation, self.observed_at = observation, now
        if not observation.is_face and not self.confirmed:
            self._start_anew()
            return
        reasons = observation.reasons
        if not reasons:
            smoother = self._smoother
            average = smoother.update(observation.probabilities, now)
            # As the label is favored while it is shown, so is uncertainty while it lasts.
            confidence = average.max() if self.reasons else smoother.confidence
            reasons = () if confidence >= self._min_confidence else (Reason.AMBIGUOUS,)
        self._uncertainty.update(reasons, now)
        if observation.reasons and self.reasons:
            # What the face shows afterwards has nothing to do with what it showed before.
            self._smoother = Smoother(self._settings, self._min_confidence)
        if self.confirmed:
            self._uncertainty.dwell = self._settings.hold_s

    @property
    def confirmed(self) -> bool:
        """Tell whether the track was a face for long enough to be reported."""
        return self.label is not None or bool(self.reasons)

    @property
    def label(self) -> int | None:
        """Index of the class that the face shows; None while none was chosen."""
        return self._smoother.label

    @property
    def probabilities(self) -> Probabilities | None:
        """Average in favor of the label, float32 (classes,); None while there is no label."""
        return self._smoother.probabilities

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Reasons why the face is uncertain; empty where it is not."""
        return self._uncertainty.reasons
