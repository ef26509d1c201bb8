"""Drawing of what was detected, tracked and labeled in a frame."""

from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from edge.errors import InputError
from edge.geometry import Box, KeyPoints
from edge.types import Expression, Image, Track
from tools.tracking_eval.runner import ClipResult, FrameResult

WIDTH = 960
"""Pixels across at least: smaller frames are enlarged, so that small faces and text are legible."""

Color = tuple[int, int, int]

DETECTED: Color = (160, 160, 160)
TRACKED: Color = (80, 220, 80)
UNSEEN: Color = (0, 200, 255)
LANDMARK: Color = (255, 160, 0)
"""Blue, green, red: of detections, of tracks, of tracks not seen in this frame, of landmarks."""

FONT = cv2.FONT_HERSHEY_SIMPLEX


def write_image(result: ClipResult, path: Path) -> None:
    """Write the middle frame of a clip with everything that was found in it.

    Raises:
        InputError: the clip cannot be read any more, or the image cannot be written.
    """
    middle = len(result.frames) // 2
    frame = next(islice(result.clip.frames(), middle, None))
    if not cv2.imwrite(str(path), draw(frame.image, result.frames[middle])):
        raise InputError(f"{path}: cannot be written")


def draw(image: Image, result: FrameResult) -> Image:
    """Return an enlarged copy with boxes, ids, landmarks and labels."""
    scale = max(1.0, WIDTH / image.shape[1])
    canvas = np.asarray(cv2.resize(image, None, fx=scale, fy=scale), dtype=np.uint8)
    for face in result.faces:
        _draw_box(canvas, face.box, scale, DETECTED, 1)
    expressions = {one.track.track_id: one for one in result.expressions}
    for track in result.tracks:
        color = TRACKED if track.seen else UNSEEN
        _draw_box(canvas, track.box, scale, color, 2)
        if track.points is not None:
            _draw_landmarks(canvas, track.points, scale)
        left, top = round(scale * track.box.x1), max(16, round(scale * track.box.y1) - 6)
        text = caption(track, expressions.get(track.track_id))
        for ink, thickness in (((0, 0, 0), 3), (color, 1)):  # an outline, legible on any ground
            cv2.putText(canvas, text, (left, top), FONT, 0.5, ink, thickness, cv2.LINE_AA)
    return canvas


def caption(track: Track, expression: Expression | None) -> str:
    """Return the id of a track, its label and confidence, or why it has none."""
    if expression is None:
        return str(track.track_id)
    label = expression.emotion
    if expression.probabilities:
        label += f" {expression.probabilities[label]:.0%}"
    return " ".join([str(track.track_id), label, *expression.reasons])


def _draw_box(canvas: Image, box: Box, scale: float, color: Color, thickness: int) -> None:
    corners = [round(scale * edge) for edge in box.edges]
    cv2.rectangle(canvas, corners[:2], corners[2:], color, thickness)


def _draw_landmarks(canvas: Image, points: KeyPoints, scale: float) -> None:
    ears = [ear for ear in (points.right_ear, points.left_ear) if ear is not None]
    for point in (points.right_eye, points.left_eye, points.nose, points.mouth, *ears):
        center = (round(scale * point.x), round(scale * point.y))
        cv2.circle(canvas, center, 2, LANDMARK, cv2.FILLED)
