"""Faces followed from frame to frame by the overlap of their boxes."""

from dataclasses import dataclass
from typing import Annotated

import msgspec

from edge.records import Box, Face, Frame, Track, TrackedFrame

SAME_FACE = 0.6
"""Share of the smaller of two boxes that both cover, above which they are one face: cascades
report some faces twice, at two sizes."""


class TrackerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a detection continues a track, and how long a track lives.

    Attributes:
        min_iou: overlap at which a detection continues a track.
        min_hits: detections before a track is believed; false faces seldom persist.
        max_missed: seconds a track outlives its last detection.
    """

    min_iou: Annotated[float, msgspec.Meta(gt=0.0, lt=1.0)] = 0.25
    min_hits: Annotated[int, msgspec.Meta(ge=1, le=100)] = 5
    max_missed: Annotated[float, msgspec.Meta(ge=0.0, le=60.0)] = 1.0


@dataclass(slots=True, eq=False)
class _Candidate:
    """A track in the making or in being; it has an id once it is believed."""

    box: Box
    last_seen: float
    hits: int = 1
    seen: bool = True
    track_id: int | None = None

    def follow(self, face: Face, now: float) -> None:
        self.box = face.box
        self.last_seen = now
        self.hits += 1
        self.seen = True


class Tracker:
    """Gives each face an id that stays with it; ids count from 1 and are never used again."""

    def __init__(self, settings: TrackerSettings) -> None:
        self._settings = settings
        self._candidates: list[_Candidate] = []
        self._given_ids = 0

    @property
    def max_missed(self) -> float:
        """Seconds a track outlives its last detection."""
        return self._settings.max_missed

    def update(self, frame: Frame, faces: list[Face]) -> TrackedFrame:
        """Match `faces` to the tracks and return the tracks believed in, seen or not.

        In a still every face is believed at once and continues no earlier one.
        """
        now = frame.timestamp
        self._candidates = [
            one for one in self._candidates if self._lives(one, now) and not frame.still
        ]
        for candidate in self._candidates:
            candidate.seen = False
        self._match(faces, now)
        for candidate in self._candidates:
            self._believe(candidate, 1 if frame.still else self._settings.min_hits)
        return TrackedFrame(frame, tuple(self._tracks()))

    def _match(self, faces: list[Face], now: float) -> None:
        """Continue tracks with the detections that overlap them most, best pairs first."""
        pairs = [
            (candidate.box.iou(face.box), candidate, face)
            for candidate in self._candidates
            for face in faces
        ]
        waiting, loose = set(self._candidates), dict.fromkeys(faces)
        for overlap, candidate, face in sorted(pairs, key=lambda pair: -pair[0]):
            if overlap >= self._settings.min_iou and candidate in waiting and face in loose:
                waiting.remove(candidate)
                del loose[face]
                candidate.follow(face, now)
        for face in loose:
            if not self._repeats(face):
                self._candidates.append(_Candidate(face.box, now))

    def _repeats(self, face: Face) -> bool:
        """Tell whether a face lies mostly inside, or mostly covers, one found in this frame."""
        return any(
            face.box.intersection(one.box) > SAME_FACE * min(face.box.area, one.box.area)
            for one in self._candidates
            if one.seen
        )

    def _lives(self, candidate: _Candidate, now: float) -> bool:
        return now - candidate.last_seen <= self._settings.max_missed

    def _believe(self, candidate: _Candidate, min_hits: int) -> None:
        if candidate.track_id is None and candidate.hits >= min_hits:
            self._given_ids += 1
            candidate.track_id = self._given_ids

    def _tracks(self) -> list[Track]:
        return [
            Track(one.track_id, one.box, one.seen)
            for one in self._candidates
            if one.track_id is not None
        ]
