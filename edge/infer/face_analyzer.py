"""Expressions of the faces in a frame: each is cropped, classified and smoothed over its track."""

import math
from collections.abc import Mapping

import cv2
import numpy as np

from edge.geometry import CropCalibration
from edge.infer.classifier import TFLiteClassifier
from edge.infer.crop import QualitySettings, crop_face, find_quality_issues, measure_quality
from edge.infer.track_state import ExpressionTrackState, FaceObservation, SmoothingSettings
from edge.types import UNCERTAIN, Expression, Face, Frame, GrayImage, Image, Track, TrackedFrame
from edge.zones import Polygon, zones_of

MAX_FACES_PER_FRAME = 4
"""Faces that are classified in one frame of a video or camera; where there are more, they take
turns: each of twenty faces six times a second, which is as often as smoothing needs."""

RECLASSIFY_AFTER = 0.25  # seconds after which a crop that looks the same is classified again
MAX_CROP_DIFFERENCE = 1.5
"""Mean difference in gray levels up to which a crop is not classified again. On the built-in clip
48 % of the crops are then classified, on clips of people who sign 81 to 88 %. The probabilities
that stand in differ by 0.003 to 0.015 from those that would have been computed; from one frame to
the next they differ by 0.03 to 0.04. With 2.0 one label more flickered (2026-11-27)."""

INSTANT = SmoothingSettings(time_constant_s=0.0, hysteresis=0.0, hold_s=0.0)  # of stills


AFFECT = {
    "angry": (-0.51, 0.59),
    "disgust": (-0.60, 0.35),
    "fear": (-0.64, 0.60),
    "happy": (0.81, 0.51),
    "sad": (-0.63, -0.27),
    "surprise": (0.40, 0.67),
    "neutral": (0.0, 0.0),
}
"""Valence and arousal of the words, -1 to 1: mean ratings of pleasure and arousal by Russell and
Mehrabian (1977, doi:10.1016/0092-6566(77)90037-X). Neutral is the middle of both scales."""


def derive_affect(probabilities: Mapping[str, float]) -> tuple[float, float] | None:
    """Return expected valence and arousal; None where `AFFECT` has less than half of the shares."""
    known = {label: share for label, share in probabilities.items() if label in AFFECT}
    total = sum(known.values())
    if total < 0.5:
        return None
    valence, arousal = (
        round(sum(share * AFFECT[label][axis] for label, share in known.items()) / total, 4)
        for axis in (0, 1)
    )
    return valence, arousal


class FaceAnalyzer:
    """Crops one face, classifies it and measures how well it can be read."""

    def __init__(
        self, classifier: TFLiteClassifier, crop_fit: CropCalibration, quality: QualitySettings
    ) -> None:
        self.labels, face = classifier.card.labels, classifier.card.face
        self._threshold = face.threshold if face else 0.0
        self._classifier, self._crop_fit, self._quality = classifier, crop_fit, quality

    def analyze(
        self,
        image: Image,
        face: Face | Track,
        previous: FaceObservation | None = None,
        mirror: bool = False,
    ) -> FaceObservation:
        """Return the observation of a face, `previous` where its crop looks the same as then."""
        side = self._classifier.card.input.shape[0]
        crop = crop_face(image, face.box, face.points, self._crop_fit, side)
        if previous is not None and crops_similar(previous.crop, crop):
            return previous
        output = self._classifier.classify([crop], mirror)
        quality = measure_quality(crop, self._crop_fit.square(face.box), face.points)
        is_face = bool(output.face_scores[0] >= self._threshold)
        issues = find_quality_issues(quality, self._quality)
        return FaceObservation(output.probabilities[0], is_face, quality, issues, crop)


def crops_similar(before: GrayImage, after: GrayImage) -> bool:
    """Tell whether two crops of one face differ too little to classify both."""
    return bool(cv2.norm(before, after, cv2.NORM_L1) <= MAX_CROP_DIFFERENCE * before.size)


class ExpressionAnalyzer:
    """Classifies the faces of each frame, smoothes each track, and tells who is in which zone.

    Crops that the model takes for no face are `rejected_faces`, and poor ones are not used. A track
    whose crops were all rejected has no expression; a face that cannot be read is uncertain.
    `has_affect`: valence and arousal are told.
    """

    def __init__(
        self,
        classifier: TFLiteClassifier,
        crop_fit: CropCalibration,
        quality: QualitySettings,
        smoothing: SmoothingSettings,
        min_confidence: float,
        *,
        zones: Mapping[str, Polygon] | None = None,
        has_affect: bool = False,
    ) -> None:
        self.rejected_faces, self.has_affect = 0, has_affect
        self._zones = zones or {}
        self._analyzer = FaceAnalyzer(classifier, crop_fit, quality)
        self._smoothing, self._min_confidence = smoothing, min_confidence
        self._states: dict[int, ExpressionTrackState] = {}

    def update(self, tracked: TrackedFrame) -> list[Expression]:
        """Return the expression of each track that was observed for long enough."""
        live = {track.track_id for track in tracked.tracks}
        self._states = {key: state for key, state in self._states.items() if key in live}
        seen = [track for track in tracked.tracks if track.seen]
        if not tracked.frame.still and len(seen) > MAX_FACES_PER_FRAME:  # those that waited longest
            observed = {track_id: state.observed_at for track_id, state in self._states.items()}
            seen.sort(key=lambda track: observed.get(track.track_id, -math.inf))
            del seen[MAX_FACES_PER_FRAME:]
        for track in seen:
            self._observe(tracked.frame, track)
        image = tracked.frame.image
        return [found for track in tracked.tracks if (found := self._expression_of(track, image))]

    def _observe(self, frame: Frame, track: Track) -> None:
        state = self._states.get(track.track_id)
        if state is None:
            settings = INSTANT if frame.still else self._smoothing
            state = ExpressionTrackState(settings, self._min_confidence)
            self._states[track.track_id] = state
        fresh = frame.timestamp - state.classified_at < RECLASSIFY_AFTER
        observation = self._analyzer.analyze(
            frame.image, track, state.observation if fresh else None, mirror=frame.still
        )
        self.rejected_faces += not observation.is_face
        state.update(observation, frame.timestamp)

    def _expression_of(self, track: Track, image: Image) -> Expression | None:
        state = self._states.get(track.track_id)
        if state is None or state.observation is None:
            return None
        if self._zones and track.seen:
            state.zones = zones_of(track.box, image, self._zones, state.zones)
        quality, zones = state.observation.quality, state.zones if self._zones else None
        if state.reasons:
            return Expression(track, UNCERTAIN, None, quality, state.reasons, zones)
        if state.label is None or state.probabilities is None:
            return None
        labels, rounded = self._analyzer.labels, np.round(state.probabilities.astype(float), 4)
        shares = dict(zip(labels, rounded.tolist(), strict=True))
        affect = derive_affect(shares) if self.has_affect else None
        return Expression(track, labels[state.label], shares, quality, (), zones, affect)
