"""Tracking metrics of one clip: what was detected, tracked and labeled against what is true."""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median

from edge.geometry import Box
from edge.types import UNCERTAIN
from tools.tracking_eval.clips import ExpressionChange, LabeledFace
from tools.tracking_eval.runner import ClipResult, FrameResult

FRAME_WIDTH = 640
"""Pixels of the frame in which sizes of faces are compared."""

EARLY = 0.3
"""Seconds before the middle of a change from which its label counts: half of the 0.6 that the
built-in clip takes to turn one face into the next."""


@dataclass(frozen=True, slots=True)
class LabelChange:
    """A label, and the second in which it was first published."""

    since: float
    emotion: str


@dataclass(frozen=True, slots=True)
class SwitchLatency:
    """Seconds from the middle of an expression change until the label followed, and the label."""

    to: str
    seconds: float


@dataclass(frozen=True, slots=True)
class FalseTrack:
    """A track of nobody: its first box, its first and its last frame."""

    box: Box
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class FaceMetrics:
    """Metrics of one face.

    Attributes:
        size: height of the face in a frame of 640 pixels.
        detected: share of its frames in which the detector alone found it.
        tracked: share of its frames with a track of it, from the first in which one could be
            confirmed; NaN without such a frame.
        delay: seconds from the first frame it is visible in to its first track; NaN without one.
        ids: number of tracks of it.
        id_switches: how often its track became another.
        uncertain: share of its labeled frames in which the label was uncertain; NaN without any.
        seconds: time in which it had a label, where its true expression is known.
        excess: label changes that no change of the face explains.
        latencies: of each expression change that the label followed.
        missed: expression changes that the label did not follow, and the label instead.
    """

    size: float
    detected: float
    tracked: float
    delay: float
    ids: int
    id_switches: int
    uncertain: float
    seconds: float
    excess: int
    latencies: tuple[SwitchLatency, ...]
    missed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClipMetrics:
    """Metrics of one clip.

    Attributes:
        name: of the clip.
        is_image: whether it is an image that is not held.
        frames: number of them.
        faces: metrics of each person.
        false_positives: mean number a frame of detections, by the detector alone, of nobody.
        false_tracks: tracks that were of nobody for most of their life.
        false_events: how many of them became an event.
        detect_median, detect_ms: CPU time of the detector alone, median and mean of the frames.
        track_ms: CPU time of the scheduler, the mean.
        detector_share: share of frames in which the scheduler ran its detector.
    """

    name: str
    is_image: bool
    frames: int
    faces: tuple[FaceMetrics, ...]
    false_positives: float
    false_tracks: tuple[FalseTrack, ...]
    false_events: int
    detect_median: float
    detect_ms: float
    track_ms: float
    detector_share: float


def measure(result: ClipResult) -> ClipMetrics:
    """Return the metrics of one clip."""
    frames, people = result.frames, result.clip.labels.people
    owners = match_tracks(frames, people)
    false = {track_id for track_id, owner in owners.items() if owner is None}
    published = {one.track.track_id for frame in frames for one in frame.expressions}
    strays = [
        not any(person.matches(face.box) for person in people)
        for frame in frames
        for face in frame.faces
    ]
    return ClipMetrics(
        name=result.clip.name,
        is_image=result.clip.is_image and not result.clip.held,
        frames=len(frames),
        faces=tuple(_measure_face(person, result, owners) for person in people),
        false_positives=sum(strays) / len(frames),
        false_tracks=tuple(_false_track(frames, one) for one in sorted(false)),
        false_events=len(false & published),
        detect_median=median(frame.detect_ms for frame in frames),
        detect_ms=fmean(frame.detect_ms for frame in frames),
        track_ms=fmean(frame.track_ms for frame in frames),
        detector_share=result.detections / len(frames),
    )


def match_tracks(
    frames: Sequence[FrameResult], people: Sequence[LabeledFace]
) -> dict[int, LabeledFace | None]:
    """Return whose each track was for most of its life; None where it was nobody's."""
    tracks = [track for frame in frames for track in frame.tracks]
    lives = Counter(track.track_id for track in tracks)
    owners: dict[int, LabeledFace | None] = dict.fromkeys(lives)
    for person in people:
        matched = Counter(track.track_id for track in tracks if person.matches(track.box))
        owners.update({one: person for one, count in matched.items() if 2 * count >= lives[one]})
    return owners


def label_changes(labels: Iterable[tuple[float, str | None]]) -> list[LabelChange]:
    """Return each label when it was first published.

    Args:
        labels: second and label of each frame. One that is uncertain or not yet chosen is passed
            over: the label after it is compared with the one before.
    """
    changes: list[LabelChange] = []
    for second, emotion in labels:
        if emotion not in (None, UNCERTAIN, changes[-1].emotion if changes else None):
            changes.append(LabelChange(second, str(emotion)))
    return changes


def _measure_face(
    person: LabeledFace, result: ClipResult, owners: dict[int, LabeledFace | None]
) -> FaceMetrics:
    frames = result.frames
    ids = _track_ids(frames, person)
    labels = [_label(frame, one) for frame, one in zip(frames, ids, strict=True)]
    times = [frame.timestamp for frame in frames]
    changes = label_changes(zip(times, labels, strict=True))
    steady = person.expression is not None
    latencies, missed = _time_switches(changes, person.switches)
    first_track = next((at for one, at in zip(ids, times, strict=True) if one), math.nan)
    known = [one for one in ids if one]
    return FaceMetrics(
        size=person.height * FRAME_WIDTH / result.width,
        detected=_share(
            any(person.matches(face.box) for face in frame.faces)
            for frame in frames[person.first :]
        ),
        tracked=_share(one is not None for one in ids[_first_confirmable(person, result) :]),
        delay=first_track - times[person.first],
        ids=sum(owner is person for owner in owners.values()),
        id_switches=sum(before != after for before, after in pairwise(known)),
        uncertain=_share(label == UNCERTAIN for label in labels if label is not None),
        seconds=times[-1] - changes[0].since if changes and steady else 0.0,
        excess=_count_excess(changes, person.switches) if steady else 0,
        latencies=latencies,
        missed=missed,
    )


def _track_ids(frames: Sequence[FrameResult], person: LabeledFace) -> list[int | None]:
    """Return which track is of `person` in each frame; of several, the one it was before."""
    ids: list[int | None] = []
    before: int | None = None
    for frame in frames:
        matching = [track.track_id for track in frame.tracks if person.matches(track.box)]
        ids.append(before if before in matching else min(matching, default=None))
        before = ids[-1] or before
    return ids


def _first_confirmable(person: LabeledFace, result: ClipResult) -> int:
    """Return the first frame in which a track of a person could be confirmed."""
    times = [frame.timestamp for frame in result.frames]
    old_enough = bisect_left(times, times[person.first] + result.min_age_s)
    return max(person.first + result.min_hits - 1, old_enough)


def _false_track(frames: Sequence[FrameResult], track_id: int) -> FalseTrack:
    boxes = [
        (index, track.box)
        for index, frame in enumerate(frames)
        for track in frame.tracks
        if track.track_id == track_id
    ]
    return FalseTrack(boxes[0][1], boxes[0][0], boxes[-1][0])


def _label(frame: FrameResult, track_id: int | None) -> str | None:
    labels = (one.emotion for one in frame.expressions if one.track.track_id == track_id)
    return next(labels, None)


def _count_excess(changes: Sequence[LabelChange], switches: Sequence[ExpressionChange]) -> int:
    """Return how many label changes there are beyond one for each change of the face."""
    counts = [len(_within(changes[1:], window)) for window in _windows(switches)]
    before = len(changes[1:]) - sum(counts)
    return before + sum(max(0, count - 1) for count in counts)


def _time_switches(
    changes: Sequence[LabelChange], switches: Sequence[ExpressionChange]
) -> tuple[tuple[SwitchLatency, ...], tuple[str, ...]]:
    """Return the latency of each expression change that the label followed, and those missed.

    A label that was published, wrongly, before the face showed it follows no change.
    """
    latencies: list[SwitchLatency] = []
    missed: list[str] = []
    for switch, window in zip(switches, _windows(switches), strict=True):
        right = [one for one in _within(changes, window) if one.emotion == switch.to]
        latencies.extend(SwitchLatency(one.emotion, one.since - switch.at) for one in right[:1])
        if not right:
            last = _within(changes, (-math.inf, window[1]))[-1:]
            label = last[0].emotion if last else "nothing"
            early = label == switch.to
            missed.append(f"{switch.to}, told before" if early else f"{switch.to} as {label}")
    return tuple(latencies), tuple(missed)


def _windows(switches: Sequence[ExpressionChange]) -> list[tuple[float, float]]:
    """Return from when to when the label of each change may come: until that of the next may."""
    starts = [switch.at - EARLY for switch in switches]
    return list(pairwise([*starts, math.inf]))


def _within(changes: Sequence[LabelChange], window: tuple[float, float]) -> list[LabelChange]:
    start, end = window
    return [one for one in changes if start <= one.since < end]


def _share(answers: Iterable[bool]) -> float:
    counted = list(answers)
    return fmean(counted) if counted else math.nan
