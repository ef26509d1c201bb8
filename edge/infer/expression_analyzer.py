"""The steadied expression of every face in view."""

import math

import numpy as np

from edge.detect import CropCalibration
from edge.infer.classifier import Classifier
from edge.infer.face_analyzer import FaceAnalyzer, FaceObservation
from edge.infer.quality import QualitySettings
from edge.infer.smoothing import SmoothingSettings
from edge.infer.track_state import ExpressionTrackState
from edge.types import UNCERTAIN, Expression, Frame, Track, TrackedFrame

MAX_FACES_PER_FRAME = 4
"""Faces that are read in one frame of a film or camera; where there are more, they take turns. At
30 frames a second, twenty faces are read six times a second each: as often as smoothing needs."""

RECLASSIFY_AFTER = 0.25
"""Seconds after which a face is read again though it looks the same."""

INSTANT = SmoothingSettings(time_constant=0.0, margin=0.0, dwell=0.0)
"""For stills, which have no before and after."""


class ExpressionAnalyzer:
    """Classifies the faces of each frame and keeps one ExpressionTrackState a track.

    A crop that the model takes for no face, below its card's threshold, is refused, and a poor one
    is not read: neither enters the average. A track whose crops were refused has no expression; a
    face that cannot be read is uncertain.

    Args:
        classifier: names the expressions.
        crop_fit: of the detector whose boxes are classified.
        smoothing: how steady the labels are.
        quality: what makes a crop poor.
        min_confidence: below it an expression is ambiguous.

    Attributes:
        refused: how many crops so far.
    """

    def __init__(
        self,
        classifier: Classifier,
        crop_fit: CropCalibration,
        smoothing: SmoothingSettings,
        quality: QualitySettings,
        min_confidence: float = 0.0,
    ) -> None:
        self.refused = 0
        self._looker = FaceAnalyzer(classifier, crop_fit, quality)
        self._smoothing = smoothing
        self._min_confidence = min_confidence
        self._watches: dict[int, ExpressionTrackState] = {}

    def update(self, tracked: TrackedFrame) -> list[Expression]:
        """Return the expression of each track that has been watched long enough to tell."""
        live = {track.track_id for track in tracked.tracks}
        self._watches = {key: one for key, one in self._watches.items() if key in live}
        self._look(tracked.frame, self._due(tracked))
        told = (self._express(track) for track in tracked.tracks)
        return [expression for expression in told if expression is not None]

    def _due(self, tracked: TrackedFrame) -> list[Track]:
        """Return the tracks to read in this frame: those that were not for the longest time."""
        seen = [track for track in tracked.tracks if track.seen]
        if tracked.frame.still or len(seen) <= MAX_FACES_PER_FRAME:
            return seen
        return sorted(seen, key=self._looked_at)[:MAX_FACES_PER_FRAME]

    def _looked_at(self, track: Track) -> float:
        watch = self._watches.get(track.track_id)
        return -math.inf if watch is None else watch.looked

    def _look(self, frame: Frame, tracks: list[Track]) -> None:
        settings = INSTANT if frame.still else self._smoothing
        before = [self._fresh_look(track, frame.timestamp) for track in tracks]
        looks = self._looker.look(frame.image, tracks, before, mirror=frame.still)
        for track, look in zip(tracks, looks, strict=True):
            self.refused += not look.accepted
            if track.track_id not in self._watches:
                self._watches[track.track_id] = ExpressionTrackState(settings, self._min_confidence)
            self._watches[track.track_id].update(look, frame.timestamp)

    def _fresh_look(self, track: Track, now: float) -> FaceObservation | None:
        """Return the last look at a track where it was read not long ago."""
        watch = self._watches.get(track.track_id)
        return None if watch is None or now - watch.read >= RECLASSIFY_AFTER else watch.look

    def _express(self, track: Track) -> Expression | None:
        watch = self._watches.get(track.track_id)
        if watch is None or watch.quality is None:
            return None
        if watch.reasons:
            return Expression(track, UNCERTAIN, None, watch.quality, watch.reasons)
        if watch.label is None or watch.probabilities is None:
            return None
        labels = self._looker.labels
        shares = np.round(watch.probabilities.astype(float), 4).tolist()
        shown = dict(zip(labels, shares, strict=True))
        return Expression(track, labels[watch.label], shown, watch.quality)
