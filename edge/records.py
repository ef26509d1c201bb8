"""The records that flow from stage to stage, each made once and never changed."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""BGR uint8 (height, width, 3); read-only once it is in a Frame."""

GreyImage = NDArray[np.uint8]
"""Grey uint8 (height, width)."""

Probabilities = NDArray[np.float32]
"""One float32 per class, each row summing to 1."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a source.

    Attributes:
        image: the picture.
        index: its number in the source, from 0.
        timestamp: seconds on the source's own clock: the monotonic clock for live sources, the
            position in the film for files. Everything that lasts is measured on it.
        captured: when it was read, on the monotonic clock; latency is measured from it.
        still: it stands alone and continues no earlier frame, as the pictures of a folder do.
    """

    image: Image
    index: int
    timestamp: float
    captured: float
    still: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        height, width = self.image.shape[:2]
        return width, height


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of the frame: left, top, right, bottom (xyxy)."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def width(self) -> float:
        """In pixels."""
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        """In pixels."""
        return self.y2 - self.y1

    @property
    def area(self) -> float:
        """In square pixels."""
        return max(self.width, 0.0) * max(self.height, 0.0)

    def intersection(self, other: "Box") -> float:
        """Area common to both."""
        width = min(self.x2, other.x2) - max(self.x1, other.x1)
        height = min(self.y2, other.y2) - max(self.y1, other.y1)
        return max(width, 0.0) * max(height, 0.0)

    def iou(self, other: "Box") -> float:
        """Intersection over union, 0 (apart) to 1 (equal)."""
        common = self.intersection(other)
        union = self.area + other.area - common
        return common / union if union > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Face:
    """One detection: where, and how sure the detector is (a scale of its own; higher is surer)."""

    box: Box
    confidence: float


@dataclass(frozen=True, slots=True)
class Track:
    """One face followed over time; `seen` is false in frames where it was not detected."""

    track_id: int
    box: Box
    seen: bool


@dataclass(frozen=True, slots=True)
class TrackedFrame:
    """A frame and every live track in it, seen or not; a track no longer listed has ended."""

    frame: Frame
    tracks: tuple[Track, ...]


@dataclass(frozen=True, slots=True)
class Expression:
    """The steadied reading of one track: its emotion and the probabilities behind it."""

    track: Track
    emotion: str
    probabilities: dict[str, float]


class EventType(StrEnum):
    """The three moments in the life of a track that are told."""

    START = "start"
    CHANGE = "change"
    END = "end"


@dataclass(frozen=True, slots=True)
class EmotionEvent:
    """What is published; docs/event.schema.json describes each field as a subscriber sees it.

    Attributes:
        duration: seconds from the track's start event until it was last seen.
        captured: when its frame was read, on the monotonic clock.
        latency: seconds from then until it was handed to the sinks.
    """

    id: str
    time: datetime
    type: EventType
    track_id: int
    emotion: str
    confidence: float
    probabilities: dict[str, float]
    box: Box
    frame_size: tuple[int, int]
    duration: float
    model: str
    detector: str
    captured: float
    latency: float = 0.0


@dataclass(frozen=True, slots=True)
class Stats:
    """How a running pipeline fares.

    Attributes:
        uptime: seconds since the start.
        online: whether frames are coming.
        fps_in, fps_out: frames a second read and analysed, over the last ten seconds.
        frames, faces, events: how many were read, classified and published so far.
        refused: how many of the faces the model took for none.
        dropped: how many were let go so far, by what they were.
        frame_latency, event_latency: 50th and 95th percentile, in seconds, from capture to a
            decided expression and to a published event; None before the first.
    """

    time: datetime
    uptime: float
    online: bool
    fps_in: float
    fps_out: float
    frames: int
    faces: int
    refused: int
    events: int
    dropped: dict[str, int]
    frame_latency: tuple[float, float] | None
    event_latency: tuple[float, float] | None
