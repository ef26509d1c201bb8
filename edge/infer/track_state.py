"""What was seen of one face so far."""

import math

from edge.infer.face_analyzer import FaceObservation
from edge.infer.smoothing import Smoother, SmoothingSettings
from edge.infer.uncertainty import UncertaintyHysteresis
from edge.types import Probabilities, Quality, Reason

FIRST_DOUBT = 5.0
"""Dwell times after which a face that could never be read is told of. What is none is soonest taken
for a face where it is blurred or small, and nobody waits for the news of a face that says nothing.
"""


class ExpressionTrackState:
    """One face: its smoothed probabilities, and the doubt whether it can be read.

    Until it is believed, by an expression or a doubt that lasted, a single refused crop starts it
    anew: what is none is now and then taken for a face, and not for long. A doubt must last longer
    for that than an expression.

    Args:
        settings: how steady everything is.
        min_confidence: below it a label is ambiguous.

    Attributes:
        look: the last one; None before the first.
        looked: when that was, in seconds.
        read: when what it says was read: the same look may be taken in again.
    """

    def __init__(self, settings: SmoothingSettings, min_confidence: float = 0.0) -> None:
        self.look: FaceObservation | None = None
        self.looked = self.read = -math.inf
        self._settings = settings
        self._min_confidence = min_confidence
        self._smoother, self._doubt = self._begin()

    def update(self, look: FaceObservation, now: float) -> None:
        """Take in a look at `now`, in seconds."""
        self.read = self.read if look is self.look else now
        self.look, self.looked = look, now
        if not look.accepted and not self.believed:
            self._smoother, self._doubt = self._begin()
            return
        if not look.reasons:
            self._smoother.update(look.probabilities, now)
        self._doubt.update(look.reasons or self._ambiguity(), now)
        if look.reasons and self.reasons:
            # What it shows afterwards has nothing to do with what it showed before.
            self._smoother = Smoother(self._settings, self._min_confidence)
        if self.believed:
            self._doubt.dwell = self._settings.dwell

    @property
    def quality(self) -> Quality | None:
        """How well it could be seen when it was last looked at; None before that."""
        return None if self.look is None else self.look.quality

    @property
    def believed(self) -> bool:
        """Whether it was a face for as long as must be."""
        return self.label is not None or bool(self.reasons)

    @property
    def label(self) -> int | None:
        """Index of the class that it shows; None while none was chosen."""
        return self._smoother.label

    @property
    def probabilities(self) -> Probabilities | None:
        """The average, float32 (classes,); None while nothing could be read."""
        return self._smoother.probabilities

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why it cannot be read; empty where it can."""
        return self._doubt.reasons

    def _begin(self) -> tuple[Smoother, UncertaintyHysteresis]:
        smoother = Smoother(self._settings, self._min_confidence)
        return smoother, UncertaintyHysteresis(FIRST_DOUBT * self._settings.dwell)

    def _ambiguity(self) -> tuple[Reason, ...]:
        # As a label is favored while it is shown, so is the doubt while it lasts.
        average = self._smoother.average
        if average is None:
            return ()
        confidence = average.max() if self.reasons else self._smoother.confidence
        return () if confidence >= self._min_confidence else (Reason.AMBIGUOUS,)
