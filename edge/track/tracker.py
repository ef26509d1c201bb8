"""Faces followed from frame to frame: which detection continues which track.

Nothing is known of a face but where it is: no embedding, no identity.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Annotated

import msgspec

from edge.geometry import Box, KeyPoints, Shift
from edge.track.landmark_filter import is_frontal
from edge.types import Face, Frame, Track, TrackedFrame

SAME_FACE = 0.6
"""Share of the smaller of two boxes that both cover, above which they are one face: cascades
report some faces twice, at two sizes."""

VELOCITY_SECONDS = 0.3
"""Over how long a velocity is averaged: detectors jitter by pixels from frame to frame, and a
longer memory would miss a turn of the head."""

Movement = Callable[[Box], Shift | None]
"""Where a box went since the frame before, None where that cannot be told."""


class TrackerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a detection continues a track, and how long a track lives.

    Attributes:
        min_iou: overlap at which a detection continues a track.
        min_hits: detections of a face that looks at the camera before a track is believed, each
            miss taking one back: false faces seldom persist.
        min_age_s: seconds between the first of them and the last, however many frames that is:
            noise in one frame is often there in the next, a thirtieth of a second later.
        max_missed: seconds a track outlives the last frame in which it was seen; at less than the
            time between two frames no track would ever be believed.
    """

    min_iou: Annotated[float, msgspec.Meta(gt=0.0, lt=1.0)] = 0.25
    min_hits: Annotated[int, msgspec.Meta(ge=1, le=100)] = 3
    min_age_s: Annotated[float, msgspec.Meta(ge=0.0, le=5.0)] = 0.13
    max_missed: Annotated[float, msgspec.Meta(ge=0.2, le=60.0)] = 1.5


@dataclass(slots=True, eq=False)
class _Candidate:
    """A track in the making or in being; it has an id once it is believed.

    Attributes:
        box, points: where it was last seen.
        last_seen, first_seen: seconds.
        right, down: velocity in pixels a second.
        found: whether the detector found it when it last looked.
        seen: whether it was found or followed in this very frame.
    """

    box: Box
    points: KeyPoints | None
    last_seen: float
    first_seen: float
    right: float = 0.0
    down: float = 0.0
    hits: int = 1
    found: bool = True
    seen: bool = True
    track_id: int | None = None

    def expected(self, now: float) -> Box:
        """Return where it would be by now at constant velocity."""
        return self.box.moved(self._drift(now))

    def expected_points(self, now: float) -> KeyPoints | None:
        return self.points.moved(self._drift(now)) if self.points else None

    def _drift(self, now: float) -> Shift:
        elapsed = now - self.last_seen
        return Shift(self.right * elapsed, self.down * elapsed)

    def find(self, face: Face, now: float) -> None:
        """Take the detector's word."""
        self._place(face.box, face.points, now)
        self.hits += is_frontal(face)
        self.found = True

    def carry(self, shift: Shift | None, now: float) -> None:
        """Take the word of what followed it since the frame before."""
        self.seen = shift is not None
        if shift is not None:
            points = self.points.moved(shift) if self.points else None
            self._place(self.box.moved(shift), points, now)

    def _place(self, box: Box, points: KeyPoints | None, now: float) -> None:
        elapsed = now - self.last_seen
        if elapsed > 0:
            share = 1 - math.exp(-elapsed / VELOCITY_SECONDS)
            before, after = self.box.center, box.center
            self.right += share * ((after.x - before.x) / elapsed - self.right)
            self.down += share * ((after.y - before.y) / elapsed - self.down)
        self.box, self.points, self.last_seen, self.seen = box, points, now, True


class Tracker:
    """Gives each face an id that stays with it; ids count from 1 and are never used again.

    A track begins with a face that looks at the camera; once it is believed, any face continues it.

    Args:
        settings: when tracks begin and end.
        ids: the next ones, shared with a tracker that this one replaces.
    """

    def __init__(self, settings: TrackerSettings, ids: Iterator[int] | None = None) -> None:
        self._settings = settings
        self._candidates: list[_Candidate] = []
        self._found: tuple[Box, ...] = ()
        self._ids = count(1) if ids is None else ids

    @property
    def max_missed(self) -> float:
        """Seconds a track outlives the last frame in which it was seen."""
        return self._settings.max_missed

    @property
    def uncertain(self) -> bool:
        """Whether a face is not yet believed, or was lost: the detector should look again."""
        return any(one.track_id is None or not one.seen for one in self._candidates)

    @property
    def boxes(self) -> list[Box]:
        """Where faces were last seen, believed or not."""
        return [one.box for one in self._candidates]

    def update(self, frame: Frame, faces: Sequence[Face]) -> TrackedFrame:
        """Match the faces that a detector found to the tracks; return the tracks believed in.

        In a still every face is believed at once, wherever it looks, and continues no earlier one.
        """
        self._forget(frame)
        self._found = tuple(face.box for face in faces)
        for candidate in self._candidates:
            candidate.seen = candidate.found = False
        loose = self._match(faces, frame.timestamp)
        self._begin([face for face in loose if frame.still or is_frontal(face)], frame.timestamp)
        for candidate in self._candidates:
            if candidate.track_id is None and (frame.still or self._believes(candidate)):
                candidate.track_id = next(self._ids)
        return self._tracked(frame)

    def carry(self, frame: Frame, movement: Movement) -> TrackedFrame:
        """Move the tracks on without a detector; return the tracks believed in.

        One that was lost, by the detector when it last looked or by what follows, is not moved:
        what would be followed is what hides it.
        """
        self._forget(frame)
        for candidate in self._candidates:
            followed = candidate.found and candidate.seen
            shift = movement(candidate.box) if followed else None
            candidate.carry(shift, frame.timestamp)
        return self._tracked(frame)

    def _forget(self, frame: Frame) -> None:
        oldest = frame.timestamp - self._settings.max_missed
        self._candidates = [
            one for one in self._candidates if one.last_seen >= oldest and not frame.still
        ]

    def clear(self) -> None:
        """End every track: what comes next has nothing to do with what was."""
        self._candidates, self._found = [], ()

    def _match(self, faces: Sequence[Face], now: float) -> list[Face]:
        """Continue tracks with detections; return the faces that continue none.

        First by where each would be by now, then by where it was: a face that is hidden often
        stays in its place, one that walks behind another does not.
        """
        expected = [(one.expected(now), one) for one in self._candidates]
        loose = self._continue(expected, faces, now)
        was = [(one.box, one) for one in self._candidates if not one.found]
        loose = self._continue(was, loose, now)
        self._doubt()
        return loose

    def _continue(
        self, places: list[tuple[Box, _Candidate]], faces: Sequence[Face], now: float
    ) -> list[Face]:
        """Continue the tracks at `places` with the faces that overlap them most, best pairs first.

        Returns:
            The faces that continue none, without those that repeat one that does.
        """
        every = ((box.iou(face.box), one, face) for box, one in places for face in faces)
        pairs = [pair for pair in every if pair[0] >= self._settings.min_iou]
        loose = list(faces)
        for _, candidate, face in sorted(pairs, key=lambda pair: -pair[0]):
            if not candidate.found and face in loose:
                candidate.find(face, now)
                loose = _others(loose, face)
        return loose

    def _begin(self, faces: Sequence[Face], now: float) -> None:
        while faces:
            face = faces[0]
            self._candidates.append(_Candidate(face.box, face.points, now, now))
            faces = _others(faces, face)

    def _doubt(self) -> None:
        """Take a hit back from each that was missed before it was believed."""
        for candidate in self._candidates:
            candidate.hits -= candidate.track_id is None and not candidate.found
        self._candidates = [one for one in self._candidates if one.hits > 0]

    def _believes(self, candidate: _Candidate) -> bool:
        age = candidate.last_seen - candidate.first_seen
        return candidate.hits >= self._settings.min_hits and age >= self._settings.min_age_s

    def _tracked(self, frame: Frame) -> TrackedFrame:
        now = frame.timestamp
        tracks = (
            Track(one.track_id, one.expected(now), one.seen, one.expected_points(now))
            for one in self._candidates
            if one.track_id is not None
        )
        young = (one.expected(now) for one in self._candidates if one.track_id is None)
        return TrackedFrame(frame, tuple(tracks), (*self._found, *young))


def _others(faces: Sequence[Face], face: Face) -> list[Face]:
    """Return the other faces, those that lie neither mostly inside `face` nor mostly cover it."""
    return [
        other for other in faces if other is not face and not _mostly_covered(face.box, other.box)
    ]


def _mostly_covered(one: Box, other: Box) -> bool:
    """Tell whether much of the smaller of two boxes lies in the larger."""
    common = one.intersection(other)
    return common > 0.0 and common > SAME_FACE * min(one.area, other.area)
