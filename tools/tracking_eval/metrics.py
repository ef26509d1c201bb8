"""How well one file was seen: what was told, held against what is true."""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median

from edge.geometry import Box
from edge.types import UNCERTAIN
from tools.tracking_eval.ground_truth import Person, Switch
from tools.tracking_eval.runner import Sight, Watched

FRAME_WIDTH = 640
"""Sizes of faces are compared in frames of this width."""

EARLY = 0.3
"""Seconds before the middle of a switch from which the new expression may be told: half of the 0.6
that the built-in clip takes to turn one face into the next."""


@dataclass(frozen=True, slots=True)
class Told:
    """A label, and since when it was told."""

    since: float
    emotion: str


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds from the middle of a switch until the label followed, and to what."""

    to: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Apparition:
    """A track of nobody: where its box was at first, and from which frame to which."""

    box: Box
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class PersonFigures:
    """How well one face was seen.

    Attributes:
        size: height of the face in a frame of 640 pixels.
        detected: share of its frames in which the detector alone found it.
        followed: share of its frames, from the first in which a track could be believed, with a
            track of it; NaN where there is no such frame.
        delay: seconds from the first frame it is visible in to its first track; NaN without one.
        ids: how many tracks were of it.
        switches: how often its track became another.
        uncertain: of the frames in which something was told of it, those in which its expression
            could not be read; NaN where nothing was ever told.
        seconds: for which it was told what it shows, where that is known to be steady.
        excess: label changes that no change of the face called for.
        latencies: of each switch that the label followed.
        missed: switches that the label did not follow, and what was told instead.
    """

    size: float
    detected: float
    followed: float
    delay: float
    ids: int
    switches: int
    uncertain: float
    seconds: float
    excess: int
    latencies: tuple[Latency, ...]
    missed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """How well one file was seen.

    Attributes:
        name: of the file.
        still: it is a photo.
        frames: in it.
        people: those to be seen.
        strays: detections a frame, by the detector alone, that are of nobody.
        false_tracks: tracks that were of nobody for most of their life.
        false_starts: those of them that became an event.
        detect_median, detect_ms: of the detector alone, the median and the mean of the frames.
        follow_ms: of following, the mean.
        ran: share of frames in which following ran its detector.
    """

    name: str
    still: bool
    frames: int
    people: tuple[PersonFigures, ...]
    strays: float
    false_tracks: tuple[Apparition, ...]
    false_starts: int
    detect_median: float
    detect_ms: float
    follow_ms: float
    ran: float


def measure(watched: Watched) -> Figures:
    """Return the figures of one file."""
    sights, people = watched.sights, watched.reel.scene.people
    owners = find_owners(sights, people)
    false = {track_id for track_id, owner in owners.items() if owner is None}
    told = {one.track.track_id for sight in sights for one in sight.expressions}
    return Figures(
        name=watched.reel.name,
        still=watched.reel.still and not watched.reel.held,
        frames=len(sights),
        people=tuple(_measure_person(person, watched, owners) for person in people),
        strays=fmean(_strays(sight, people) for sight in sights),
        false_tracks=tuple(_apparition(sights, one) for one in sorted(false)),
        false_starts=len(false & told),
        detect_median=median(sight.detect_ms for sight in sights),
        detect_ms=fmean(sight.detect_ms for sight in sights),
        follow_ms=fmean(sight.follow_ms for sight in sights),
        ran=watched.detections / len(sights),
    )


def find_owners(sights: Sequence[Sight], people: Sequence[Person]) -> dict[int, Person | None]:
    """Return whose each track was for most of its life; None where it was nobody's."""
    lives = Counter(track.track_id for sight in sights for track in sight.tracks)
    owners: dict[int, Person | None] = dict.fromkeys(lives)
    for person in people:
        shown = Counter(
            track.track_id
            for sight in sights
            for track in sight.tracks
            if person.shown_by(track.box)
        )
        owners.update({one: person for one, count in shown.items() if 2 * count >= lives[one]})
    return owners


def follow_ids(sights: Sequence[Sight], person: Person) -> list[int | None]:
    """Return which track is of `person` in each frame; of several, the one it was before."""
    ids: list[int | None] = []
    before: int | None = None
    for sight in sights:
        here = [track.track_id for track in sight.tracks if person.shown_by(track.box)]
        ids.append(before if before in here else min(here, default=None))
        before = ids[-1] or before
    return ids


def count_switches(ids: Iterable[int | None]) -> int:
    """Return how often the track became another, whether or not there were frames without one."""
    return sum(before != after for before, after in pairwise(filter(None, ids)))


def tell_changes(labels: Iterable[tuple[float, str | None]]) -> list[Told]:
    """Return each label when it was first told.

    Args:
        labels: second and label of each frame. One that is uncertain or not yet chosen tells
            nothing new: what comes behind it is compared with what was told before.
    """
    told: list[Told] = []
    for second, emotion in labels:
        if emotion not in (None, UNCERTAIN, told[-1].emotion if told else None):
            told.append(Told(second, str(emotion)))
    return told


def count_excess(told: Sequence[Told], switches: Sequence[Switch]) -> int:
    """Return how many changes of label are more than one for each switch of the face."""
    changes = told[1:]
    counts = [len(_within(changes, window)) for window in _windows(switches)]
    before = len(changes) - sum(counts)
    return before + sum(max(0, count - 1) for count in counts)


def time_switches(
    told: Sequence[Told], switches: Sequence[Switch]
) -> tuple[tuple[Latency, ...], tuple[str, ...]]:
    """Return the latency of each switch that the label followed, and those that it did not.

    A label that was told already, wrongly, before the face showed it follows no switch.
    """
    latencies: list[Latency] = []
    missed: list[str] = []
    for switch, window in zip(switches, _windows(switches), strict=True):
        right = [one for one in _within(told, window) if one.emotion == switch.to]
        latencies.extend(Latency(one.emotion, one.since - switch.at) for one in right[:1])
        if not right:
            missed.append(_miss(switch, _within(told, (-math.inf, window[1]))[-1:]))
    return tuple(latencies), tuple(missed)


def _miss(switch: Switch, last: Sequence[Told]) -> str:
    """Say what was told instead of the expression that a face switched to."""
    shown = last[0].emotion if last else "nothing"
    return f"{switch.to}, told before" if shown == switch.to else f"{switch.to} as {shown}"


def _windows(switches: Sequence[Switch]) -> list[tuple[float, float]]:
    """Return from when to when the label of each switch may come: until that of the next may."""
    starts = [switch.at - EARLY for switch in switches]
    return list(pairwise([*starts, math.inf]))


def _within(told: Sequence[Told], window: tuple[float, float]) -> list[Told]:
    start, end = window
    return [one for one in told if start <= one.since < end]


def _believable(person: Person, watched: Watched) -> int:
    """Return the first frame in which a track of a person could be believed."""
    times = [sight.timestamp for sight in watched.sights]
    old_enough = bisect_left(times, times[person.first] + watched.min_age_s)
    return max(person.first + watched.min_hits - 1, old_enough)


def _measure_person(
    person: Person, watched: Watched, owners: dict[int, Person | None]
) -> PersonFigures:
    sights = watched.sights
    ids = follow_ids(sights, person)
    labels = [_label(sight, one) for sight, one in zip(sights, ids, strict=True)]
    times = [sight.timestamp for sight in sights]
    told = tell_changes(zip(times, labels, strict=True))
    steady = person.expression is not None
    latencies, missed = time_switches(told, person.switches)
    return PersonFigures(
        size=person.height * FRAME_WIDTH / watched.width,
        detected=_share(_found(sight, person) for sight in sights[person.first :]),
        followed=_share(one is not None for one in ids[_believable(person, watched) :]),
        delay=next((at for one, at in zip(ids, times, strict=True) if one), math.nan)
        - times[person.first],
        ids=sum(owner is person for owner in owners.values()),
        switches=count_switches(ids),
        uncertain=_share(label == UNCERTAIN for label in labels if label is not None),
        seconds=times[-1] - told[0].since if told and steady else 0.0,
        excess=count_excess(told, person.switches) if steady else 0,
        latencies=latencies,
        missed=missed,
    )


def _apparition(sights: Sequence[Sight], track_id: int) -> Apparition:
    seen = [
        (frame, track.box)
        for frame, sight in enumerate(sights)
        for track in sight.tracks
        if track.track_id == track_id
    ]
    return Apparition(seen[0][1], seen[0][0], seen[-1][0])


def _label(sight: Sight, track_id: int | None) -> str | None:
    told = (one.emotion for one in sight.expressions if one.track.track_id == track_id)
    return next(told, None)


def _found(sight: Sight, person: Person) -> bool:
    return any(person.shown_by(face.box) for face in sight.faces)


def _strays(sight: Sight, people: Sequence[Person]) -> int:
    return sum(not _is_somebodys(face.box, people) for face in sight.faces)


def _is_somebodys(box: Box, people: Sequence[Person]) -> bool:
    return any(person.shown_by(box) for person in people)


def _share(answers: Iterable[bool]) -> float:
    counted = list(answers)
    return fmean(counted) if counted else math.nan
