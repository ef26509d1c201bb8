"""Results of clips, made by hand."""

from pathlib import Path

from edge.geometry import Box
from edge.types import Expression, Face, Quality, Track
from tools.tracking_eval.clips import ClipLabels, LabeledClip, LabeledFace
from tools.tracking_eval.runner import ClipResult, FrameResult

FPS = 10
QUALITY = Quality(size=100.0, sharpness=1.0, brightness=128.0, contrast=40.0)

LEFT = LabeledFace(region=(80, 80, 120, 120), height=100)
RIGHT = LabeledFace(region=(380, 80, 420, 120), height=100)


def box(x: float, height: float = 100.0) -> Box:
    """Return a box around (x, 100)."""
    return Box(x - height / 2, 100 - height / 2, x + height / 2, 100 + height / 2)


def face(x: float, height: float = 100.0) -> Face:
    return Face(box(x, height), 0.9)


def track(track_id: int, x: float, seen: bool = True) -> Track:
    return Track(track_id, box(x), seen)


def labeled(one: Track, emotion: str) -> Expression:
    return Expression(one, emotion, {emotion: 1.0}, QUALITY)


def video(*frames: tuple[list[Face], list[Track], list[Expression]]) -> list[FrameResult]:
    """Return results at ten frames a second."""
    return [
        FrameResult(index / FPS, tuple(faces), tuple(tracks), tuple(expressions), 2.0, 1.0)
        for index, (faces, tracks, expressions) in enumerate(frames)
    ]


def showing(*emotions: str) -> list[FrameResult]:
    """Return results of the person on the left, one label a frame."""
    one = track(1, 100)
    return video(*(([face(100)], [one], [labeled(one, emotion)]) for emotion in emotions))


def result(
    frames: list[FrameResult],
    *people: LabeledFace,
    width: int = 640,
    min_hits: int = 1,
    name: str = "video.mp4",
) -> ClipResult:
    clip = LabeledClip(Path(name), ClipLabels(people))
    return ClipResult(clip, width, tuple(frames), len(frames), min_hits, min_age_s=0.0)
