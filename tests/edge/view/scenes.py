"""Scenes for views: real frames, with faces where a test wants them."""

from datetime import UTC, datetime

from edge.geometry import Box
from edge.types import AnalyzedFrame, Expression, Image, Quality, Reason, Track, TrackedFrame
from tests.events import BLANK, QUALITY, frame

SHARES = {"angry": 0.1, "happy": 0.7, "sad": 0.2}


def expression(
    box: Box = Box(20.0, 20.0, 40.0, 40.0),  # noqa: B008  # a box never changes
    emotion: str = "happy",
    shares: dict[str, float] | None = SHARES,
    track_id: int = 1,
    seen: bool = True,
    reasons: tuple[Reason, ...] = (),
    quality: Quality = QUALITY,
) -> Expression:
    return Expression(Track(track_id, box, seen), emotion, shares, quality, reasons)


def scene(
    *expressions: Expression,
    image: Image = BLANK,
    candidate_boxes: tuple[Box, ...] = (),
    timestamp: float = 0.0,
) -> AnalyzedFrame:
    tracks = tuple(one.track for one in expressions)
    tracked = TrackedFrame(frame(timestamp, image=image), tracks, candidate_boxes)
    return AnalyzedFrame(tracked, expressions, datetime.now(UTC))
