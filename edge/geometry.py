"""Geometry of a frame: points, boxes, their movement, crops and the key points of a face."""

import math
from dataclasses import dataclass
from typing import NamedTuple

NOSE = 0.57
"""Depth of the tip of the nose before the middles of the eyelids, in distances of these: 3.6 of 6.4
cm in MediaPipe's canonical_face_model.obj (Kartynnik et al. 2019, arXiv:1907.06724)."""


class Point(NamedTuple):
    """A point in pixels of the frame."""

    x: float
    y: float

    def midway(self, other: "Point") -> "Point":
        """Return the middle between this point and another."""
        return Point((self.x + other.x) / 2, (self.y + other.y) / 2)


class Shift(NamedTuple):
    """Scaling and translation: (x, y) goes to scale * (x, y) + (right, down)."""

    right: float
    down: float
    scale: float = 1.0

    def apply(self, point: Point) -> Point:
        """Return the point that `point` is moved to."""
        return Point(self.scale * point.x + self.right, self.scale * point.y + self.down)


class Box(NamedTuple):
    """A rectangle in pixels of the frame: left, top, right, bottom (xyxy)."""

    x1: float
    y1: float
    x2: float
    y2: float

    @classmethod
    def around(cls, center: Point, side: float) -> "Box":
        """Return the square with that center and side."""
        half = side / 2
        return cls(center.x - half, center.y - half, center.x + half, center.y + half)

    def square(self, scale: float) -> "Box":
        """Return the square around its center, `scale` times as long as its longest side."""
        return Box.around(self.center, scale * max(self.width, self.height))

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        return self.x1, self.y1, self.x2, self.y2

    @property
    def width(self) -> float:
        """Width in pixels."""
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        """Height in pixels."""
        return self.y2 - self.y1

    @property
    def area(self) -> float:
        """Area in square pixels."""
        return max(self.width, 0.0) * max(self.height, 0.0)

    def intersection(self, other: "Box") -> float:
        """Area of the intersection with another box, in square pixels."""
        width = min(self.x2, other.x2) - max(self.x1, other.x1)
        if width <= 0.0:  # most boxes of a crowd are beside each other
            return 0.0
        return width * max(min(self.y2, other.y2) - max(self.y1, other.y1), 0.0)

    def iou(self, other: "Box") -> float:
        """Intersection over union, 0 (apart) to 1 (equal)."""
        common = self.intersection(other)
        return common / (self.area + other.area - common) if common else 0.0

    @property
    def center(self) -> Point:
        """Center point."""
        return Point((self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2)

    def moved(self, shift: Shift) -> "Box":
        """Return the box moved by `shift`."""
        center, half = shift.apply(self.center), shift.scale / 2
        width, height = half * self.width, half * self.height
        return Box(center.x - width, center.y - height, center.x + width, center.y + height)


@dataclass(frozen=True, slots=True)
class CropCalibration:
    """Crop of a detector's box, framed as FER2013's images; `python -m tools.crop_fit` fits it."""

    scale: float  # side of the square, in heights of the box
    right: float  # shift of its center, likewise
    down: float

    def square(self, box: Box, roll: float = 0.0) -> Box:
        """Return the square to crop, maybe beyond the frame, its shift tilted by `roll` degrees."""
        cos, sin = math.cos(math.radians(roll)), math.sin(math.radians(roll))
        x = box.center.x + (self.right * cos - self.down * sin) * box.height
        y = box.center.y + (self.right * sin + self.down * cos) * box.height
        return Box.around(Point(x, y), self.scale * box.height)


class KeyPoints(NamedTuple):
    """Key points of a face; right and left are the person's own."""

    right_eye: Point
    left_eye: Point
    nose: Point
    mouth: Point
    right_ear: Point | None = None
    left_ear: Point | None = None

    @property
    def roll(self) -> float:
        """Tilt of the head in degrees: the line of the eyes, clockwise from level."""
        right, left = self.right_eye, self.left_eye
        return math.degrees(math.atan2(left.y - right.y, left.x - right.x))

    @property
    def eyes(self) -> Point:
        """Center between the eyes."""
        return self.right_eye.midway(self.left_eye)

    @property
    def yaw(self) -> float:
        """Turn of the head in degrees; positive is towards the person's own left."""
        # Seen from afar, a head turned by an angle shows the nose off the middle of the eyes by
        # sin(angle) of its depth and the eyes apart by cos(angle) of their distance. Detectors
        # place a hidden eye where it can still be seen, so a profile reads as less than it is.
        right, left, nose, eyes = self.right_eye, self.left_eye, self.nose, self.eyes
        x, y = left.x - right.x, left.y - right.y
        beside = (nose.x - eyes.x) * x + (nose.y - eyes.y) * y
        return math.degrees(math.atan2(beside, NOSE * (x * x + y * y)))

    def moved(self, shift: Shift) -> "KeyPoints":
        """Return the key points moved by `shift`."""
        return KeyPoints(*(point and shift.apply(point) for point in self))  # type: ignore[arg-type]
