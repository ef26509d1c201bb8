"""Tracker: gives each face an id that stays, by its place alone: no embedding and no identity."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Annotated

import msgspec

from edge.detect.detector import is_frontal
from edge.geometry import Box, KeyPoints, Shift
from edge.types import Face, Frame, Track, TrackedFrame

OVERLAP_THRESHOLD = 0.6  # share of the smaller box above which both are one face, found twice
VELOCITY_TIME_CONSTANT = 0.3  # seconds over which a velocity is averaged: detectors jitter


class TrackerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rules by which a detection continues a track, and a track's lifetime.

    Attributes:
        min_iou: overlap at which a detection continues a track.
        min_hits: detections of a face that looks at the camera before a track is confirmed, each
            miss taking one back: false faces seldom persist.
        min_age_s: seconds between the first of them and the last, however many frames that is:
            noise in one frame is often there in the next, a thirtieth of a second later.
        max_age_s: seconds a track outlives the last frame in which it was seen; at less than the
            time between two frames no track would ever be confirmed.
    """

    min_iou: Annotated[float, msgspec.Meta(gt=0.0, lt=1.0)] = 0.25
    min_hits: Annotated[int, msgspec.Meta(ge=1, le=100)] = 3
    min_age_s: Annotated[float, msgspec.Meta(ge=0.0, le=5.0)] = 0.13
    max_age_s: Annotated[float, msgspec.Meta(ge=0.2, le=60.0)] = 1.5


@dataclass(slots=True, eq=False)
class _TrackState:
    """One track, tentative until it is confirmed and has an id."""

    box: Box
    points: KeyPoints | None
    last_seen: float
    first_seen: float
    right: float = 0.0  # velocity in pixels a second
    down: float = 0.0
    hits: int = 1  # detections, less misses
    detected: bool = True  # by the last detection
    seen: bool = True  # detected or propagated in this very frame
    track_id: int | None = None

    def drift(self, now: float) -> Shift:
        elapsed = now - self.last_seen
        return Shift(self.right * elapsed, self.down * elapsed)

    def move(self, box: Box, points: KeyPoints | None, now: float) -> None:
        elapsed = now - self.last_seen
        if elapsed > 0:
            share = 1 - math.exp(-elapsed / VELOCITY_TIME_CONSTANT)
            before, after = self.box.center, box.center
            self.right += share * ((after.x - before.x) / elapsed - self.right)
            self.down += share * ((after.y - before.y) / elapsed - self.down)
        self.box, self.points, self.last_seen, self.seen = box, points, now, True


class Tracker:
    """Gives each face an id that stays with it; ids count from 1 and are never used again.

    A track begins with a face that looks at the camera; once it is confirmed, any face continues
    it. `ids` are shared with a tracker that this one replaces; None counts from 1.
    """

    def __init__(self, settings: TrackerSettings, ids: Iterator[int] | None = None) -> None:
        self._settings, self._ids = settings, count(1) if ids is None else ids
        self._states: list[_TrackState] = []
        self._detections: tuple[Box, ...] = ()

    @property
    def needs_detection(self) -> bool:
        """Tell whether a face is not yet confirmed, or was lost."""
        return any(state.track_id is None or not state.seen for state in self._states)

    @property
    def boxes(self) -> list[Box]:
        """Last known boxes of all faces, confirmed or not."""
        return [state.box for state in self._states]

    def update(self, frame: Frame, faces: Sequence[Face]) -> TrackedFrame:
        """Match faces to the tracks; return the confirmed ones, of a still each face, as new."""
        settings, now = self._settings, frame.timestamp
        self._remove_expired(frame)
        self._detections = tuple(face.box for face in faces)
        for state in self._states:
            state.seen = state.detected = False
        unmatched = self._match(faces, now)
        for state in self._states:
            state.hits -= state.track_id is None and not state.detected
        self._states = [state for state in self._states if state.hits > 0]
        new = [one for one in unmatched if frame.still or is_frontal(one)]
        while new:
            face = new[0]
            self._states.append(_TrackState(face.box, face.points, now, now))
            new = _without_duplicates(new, face)
        for state in self._states:
            age = state.last_seen - state.first_seen
            persisted = state.hits >= settings.min_hits and age >= settings.min_age_s
            if state.track_id is None and (frame.still or persisted):
                state.track_id = next(self._ids)
        return self._tracked(frame)

    def propagate(self, frame: Frame, movement: Callable[[Box], Shift | None]) -> TrackedFrame:
        """Move the tracks without a detection; return the confirmed tracks.

        `movement` tells how a box moved since the frame before, None where that is unknown. A track
        that was lost is not moved: whatever hides the face would be tracked instead.
        """
        self._remove_expired(frame)
        for state in self._states:
            shift = movement(state.box) if state.detected and state.seen else None
            state.seen = shift is not None
            if shift is not None:
                points = state.points and state.points.moved(shift)
                state.move(state.box.moved(shift), points, frame.timestamp)
        return self._tracked(frame)

    def clear(self) -> None:
        """End every track: the next frame has nothing to do with those before."""
        self._states, self._detections = [], ()

    def _remove_expired(self, frame: Frame) -> None:
        oldest = math.inf if frame.still else frame.timestamp - self._settings.max_age_s
        self._states = [state for state in self._states if state.last_seen >= oldest]

    def _match(self, faces: Sequence[Face], now: float) -> list[Face]:
        """Continue tracks with detections; return the faces that match none.

        First by where each would be by now, then by where it was: a face that is hidden often
        stays in its place, one that walks behind another does not. The best pairs go first.
        """
        unmatched = list(faces)
        for drifts in (True, False):
            pairs = []
            for state in self._states:
                if not state.detected:
                    place = state.box.moved(state.drift(now)) if drifts else state.box
                    pairs += [(place.iou(face.box), state, face) for face in unmatched]
            likely = (pair for pair in pairs if pair[0] >= self._settings.min_iou)
            for _, state, face in sorted(likely, key=lambda pair: -pair[0]):
                if not state.detected and face in unmatched:
                    state.move(face.box, face.points, now)
                    state.hits += is_frontal(face)
                    state.detected = True
                    unmatched = _without_duplicates(unmatched, face)
        return unmatched

    def _tracked(self, frame: Frame) -> TrackedFrame:
        tracks, candidates = list[Track](), [*self._detections]
        for state in self._states:
            drift = state.drift(frame.timestamp)
            box, points = state.box.moved(drift), state.points and state.points.moved(drift)
            if state.track_id is None:
                candidates.append(box)
            else:
                tracks.append(Track(state.track_id, box, state.seen, points))
        return TrackedFrame(frame, tuple(tracks), tuple(candidates))


def _without_duplicates(faces: Sequence[Face], face: Face) -> list[Face]:
    """Return the faces other than `face` that neither lie mostly in it nor mostly cover it."""

    def is_apart(box: Box) -> bool:
        common = face.box.intersection(box)
        return not common or common <= OVERLAP_THRESHOLD * min(face.box.area, box.area)

    return [other for other in faces if other is not face and is_apart(other.box)]
