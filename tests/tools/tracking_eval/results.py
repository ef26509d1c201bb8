"""Frames as somebody might have seen them, made by hand."""

from pathlib import Path

from edge.geometry import Box
from edge.types import Expression, Face, Quality, Track
from tools.tracking_eval.clips import Reel
from tools.tracking_eval.ground_truth import Person, Scene
from tools.tracking_eval.runner import Sight, Watched

FPS = 10
QUALITY = Quality(size=100.0, sharpness=1.0, brightness=128.0, contrast=40.0)

LEFT = Person(region=(80, 80, 120, 120), height=100)
RIGHT = Person(region=(380, 80, 420, 120), height=100)


def box(x: float, height: float = 100.0) -> Box:
    """Return a box around (x, 100)."""
    return Box(x - height / 2, 100 - height / 2, x + height / 2, 100 + height / 2)


def face(x: float, height: float = 100.0) -> Face:
    return Face(box(x, height), 0.9)


def track(track_id: int, x: float, seen: bool = True) -> Track:
    return Track(track_id, box(x), seen)


def said(one: Track, emotion: str) -> Expression:
    return Expression(one, emotion, {emotion: 1.0}, QUALITY)


def film(*sights: tuple[list[Face], list[Track], list[Expression]]) -> list[Sight]:
    """Return sights at ten frames a second."""
    return [
        Sight(index / FPS, tuple(faces), tuple(tracks), tuple(told), 2.0, 1.0)
        for index, (faces, tracks, told) in enumerate(sights)
    ]


def telling(*emotions: str) -> list[Sight]:
    """Return sights of the person on the left, one label a frame."""
    one = track(1, 100)
    return film(*(([face(100)], [one], [said(one, emotion)]) for emotion in emotions))


def watched(
    sights: list[Sight],
    *people: Person,
    width: int = 640,
    min_hits: int = 1,
    name: str = "film.mp4",
) -> Watched:
    reel = Reel(Path(name), Scene(people))
    return Watched(reel, width, tuple(sights), len(sights), min_hits, min_age_s=0.0)
