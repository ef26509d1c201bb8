"""The steadied expression of every face in view."""

import numpy as np

from edge.detect import CropFit
from edge.infer.classifier import Classifier
from edge.infer.crop import crop_grey
from edge.infer.smoothing import Smoother, SmoothingSettings
from edge.records import Expression, Frame, Track, TrackedFrame

INSTANT = SmoothingSettings(time_constant=0.0, margin=0.0, dwell=0.0)
"""For stills, which have no before and after."""


class Expressions:
    """Classifies the faces of each frame and keeps one Smoother a track.

    A crop that the model takes for no face, below its card's threshold, is refused: it does not
    enter the average, and a track of which none was ever accepted has no expression.

    Args:
        classifier: names the expressions.
        crop_fit: of the detector whose boxes are classified.
        smoothing: how steady the labels are.

    Attributes:
        refused: how many crops so far.
    """

    def __init__(
        self, classifier: Classifier, crop_fit: CropFit, smoothing: SmoothingSettings
    ) -> None:
        self.refused = 0
        self._classifier = classifier
        self._threshold = classifier.card.face.threshold if classifier.card.face else 0.0
        self._crop_fit = crop_fit
        self._smoothing = smoothing
        self._smoothers: dict[int, Smoother] = {}

    def update(self, tracked: TrackedFrame) -> list[Expression]:
        """Return the expression of each track that has been watched long enough to tell."""
        live = {track.track_id for track in tracked.tracks}
        self._smoothers = {key: one for key, one in self._smoothers.items() if key in live}
        self._classify(tracked.frame, [track for track in tracked.tracks if track.seen])
        told = (self._express(track) for track in tracked.tracks)
        return [expression for expression in told if expression is not None]

    def _classify(self, frame: Frame, tracks: list[Track]) -> None:
        side = self._classifier.card.input.shape[0]
        squares = [self._crop_fit.square(track.box) for track in tracks]
        crops = [crop_grey(frame.image, square, side) for square in squares]
        settings = INSTANT if frame.still else self._smoothing
        reading = self._classifier.classify(crops)
        accepted = reading.face >= self._threshold
        self.refused += int((~accepted).sum())
        for row in np.flatnonzero(accepted):
            smoother = self._smoothers.setdefault(tracks[row].track_id, Smoother(settings))
            smoother.update(reading.probabilities[row], frame.timestamp)

    def _express(self, track: Track) -> Expression | None:
        smoother = self._smoothers.get(track.track_id)
        if smoother is None or smoother.label is None or smoother.probabilities is None:
            return None
        labels = self._classifier.card.labels
        shares = np.round(smoother.probabilities.astype(float), 4).tolist()
        return Expression(track, labels[smoother.label], dict(zip(labels, shares, strict=True)))
