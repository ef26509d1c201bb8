"""The records that flow from stage to stage, each made once and never changed."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
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

    @property
    def center(self) -> "Point":
        """Its middle."""
        return Point((self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2)

    def moved(self, shift: "Shift") -> "Box":
        """Return it where `shift` takes it."""
        center, half = shift.apply(self.center), shift.scale / 2
        width, height = half * self.width, half * self.height
        return Box(center.x - width, center.y - height, center.x + width, center.y + height)


@dataclass(frozen=True, slots=True)
class Point:
    """A place in pixels of the frame."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Shift:
    """A movement in the plane without turning: (x, y) goes to scale * (x, y) + (right, down)."""

    right: float
    down: float
    scale: float = 1.0

    def apply(self, point: Point) -> Point:
        """Return where `point` goes."""
        return Point(
            self.scale * point.x + self.right,
            self.scale * point.y + self.down,
        )


NOSE = 0.57
"""How far the tip of the nose stands before the middles of the eyelids, as a share of the distance
between those: 3.6 of 6.4 cm in MediaPipe's canonical_face_model.obj (Kartynnik et al. 2019,
arXiv:1907.06724)."""


@dataclass(frozen=True, slots=True)
class KeyPoints:
    """Where the parts of a face are; right and left are the person's own."""

    right_eye: Point
    left_eye: Point
    nose: Point
    mouth: Point
    right_ear: Point | None = None
    left_ear: Point | None = None

    @property
    def roll(self) -> float:
        """How far the head is tilted, in degrees: the line of the eyes, clockwise from level."""
        right, left = self.right_eye, self.left_eye
        return math.degrees(math.atan2(left.y - right.y, left.x - right.x))

    @property
    def yaw(self) -> float:
        """How far the head is turned, in degrees; positive is towards the person's own left.

        Seen from afar, a head turned by an angle shows the nose off the middle of the eyes by
        sin(angle) of its depth and the eyes apart by cos(angle) of their distance. Detectors place
        a hidden eye where it can still be seen, so a profile reads as less than it is.
        """
        right, left, nose = self.right_eye, self.left_eye, self.nose
        x, y = left.x - right.x, left.y - right.y
        beside = (nose.x - (right.x + left.x) / 2) * x + (nose.y - (right.y + left.y) / 2) * y
        return math.degrees(math.atan2(beside, NOSE * (x * x + y * y)))

    def moved(self, shift: Shift) -> "KeyPoints":
        """Return them where `shift` takes them."""
        points: Iterator[Point | None] = (getattr(self, field.name) for field in fields(self))
        return KeyPoints(*(point and shift.apply(point) for point in points))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Face:
    """One detection.

    Attributes:
        box: where it is.
        confidence: how sure the detector is, on a scale of its own; higher is surer.
        points: its key points, from detectors that give them.
    """

    box: Box
    confidence: float
    points: KeyPoints | None = None


@dataclass(frozen=True, slots=True)
class Track:
    """One face followed over time.

    Attributes:
        track_id: counts from 1 in each run.
        box: where it is, or would be by now.
        seen: whether it was found in this very frame, by the detector or by following it.
        points: its key points, where the detector gives them.
    """

    track_id: int
    box: Box
    seen: bool
    points: KeyPoints | None = None


@dataclass(frozen=True, slots=True)
class TrackedFrame:
    """A frame and every live track in it, seen or not; a track no longer listed has ended."""

    frame: Frame
    tracks: tuple[Track, ...]


@dataclass(frozen=True, slots=True)
class Quality:
    """How well one face can be read.

    Attributes:
        size: height of the face as framed for the classifier, in pixels of the frame.
        sharpness: how much fine detail there is; docs/quality.md defines it.
        brightness: mean grey value of the middle of the crop, 0-255.
        contrast: standard deviation of its grey values.
        yaw: how far the head is turned, in degrees, 0 is straight at the camera and positive
            towards the person's own left; None without key points.
        roll: how far it is tilted, in degrees; None without key points.
    """

    size: float
    sharpness: float
    brightness: float
    contrast: float
    yaw: float | None = None
    roll: float | None = None


UNCERTAIN = "uncertain"
"""The emotion of a face that is there and cannot be read."""


class Reason(StrEnum):
    """Why a face cannot be read."""

    TOO_SMALL = "too_small"
    BLURRED = "blurred"
    DARK = "dark"
    LOW_CONTRAST = "low_contrast"
    SIDE_FACE = "side_face"
    NOT_A_FACE = "not_a_face"


@dataclass(frozen=True, slots=True)
class Expression:
    """The steadied reading of one track.

    Attributes:
        track: whose.
        emotion: one of the model's labels, or `UNCERTAIN`.
        probabilities: behind it; None where it is uncertain.
        quality: of the face when it was last looked at.
        reasons: why it is uncertain; empty where it is not.
    """

    track: Track
    emotion: str
    probabilities: dict[str, float] | None
    quality: Quality
    reasons: tuple[Reason, ...] = ()


class EventType(StrEnum):
    """The three moments in the life of a track that are told."""

    START = "start"
    CHANGE = "change"
    END = "end"


@dataclass(frozen=True, slots=True)
class EmotionEvent:
    """What is published; docs/event.schema.json describes each field as a subscriber sees it.

    Attributes:
        emotion: one of the model's labels, or `UNCERTAIN`.
        confidence, probabilities: None where the emotion is uncertain.
        quality: of the face when it was last looked at.
        reasons: why the emotion is uncertain; empty where it is not.
        duration: seconds from the track's start event until it was last seen.
        captured: when its frame was read, on the monotonic clock.
        latency: seconds from then until it was handed to the sinks.
    """

    id: str
    time: datetime
    type: EventType
    track_id: int
    emotion: str
    confidence: float | None
    probabilities: dict[str, float] | None
    quality: Quality
    reasons: tuple[Reason, ...]
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
        detections: in how many frames the detector ran; in the others faces were followed.
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
    detections: int
    faces: int
    refused: int
    events: int
    dropped: dict[str, int]
    frame_latency: tuple[float, float] | None
    event_latency: tuple[float, float] | None
