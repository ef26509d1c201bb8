"""What was seen, drawn into a frame."""

from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from edge.errors import InputError
from edge.geometry import Box, KeyPoints
from edge.types import Expression, Image, Track
from tools.tracking_eval.runner import Sight, Watched

WIDTH = 960
"""Pixels across a picture: smaller frames are enlarged, so that small faces and text are clear."""

Colour = tuple[int, int, int]

FOUND: Colour = (160, 160, 160)
FOLLOWED: Colour = (80, 220, 80)
UNSEEN: Colour = (0, 200, 255)
POINT: Colour = (255, 160, 0)
"""Blue, green, red: of detections, of tracks, of those not seen in this frame, of key points."""

FONT = cv2.FONT_HERSHEY_SIMPLEX


def write_picture(watched: Watched, path: Path) -> None:
    """Write the middle frame of a film, or the photo, with everything that was seen in it.

    Raises:
        InputError: the file cannot be read any more, or the picture not be written.
    """
    middle = len(watched.sights) // 2
    frame = next(islice(watched.reel.frames(), middle, None))
    picture = draw(frame.image, watched.sights[middle])
    if not cv2.imwrite(str(path), picture):
        raise InputError(f"{path}: cannot be written")


def draw(image: Image, sight: Sight) -> Image:
    """Return an enlarged copy with the boxes, ids, key points and labels of `sight`."""
    scale = max(1.0, WIDTH / image.shape[1])
    canvas = np.asarray(cv2.resize(image, None, fx=scale, fy=scale), dtype=np.uint8)
    for face in sight.faces:
        _draw_box(canvas, face.box, scale, FOUND, 1)
    expressions = {one.track.track_id: one for one in sight.expressions}
    for track in sight.tracks:
        _draw_track(canvas, track, expressions.get(track.track_id), scale)
    return canvas


def _draw_track(canvas: Image, track: Track, told: Expression | None, scale: float) -> None:
    colour = FOLLOWED if track.seen else UNSEEN
    _draw_box(canvas, track.box, scale, colour, 2)
    if track.points is not None:
        _draw_points(canvas, track.points, scale)
    left, top = round(scale * track.box.x1), round(scale * track.box.y1)
    _write(canvas, caption(track, told), (left, max(16, top - 6)), colour)


def caption(track: Track, told: Expression | None) -> str:
    """Return the id of a track and what is told of it."""
    if told is None:
        return str(track.track_id)
    share = f" {told.probabilities[told.emotion]:.0%}" if told.probabilities else ""
    return " ".join([str(track.track_id), told.emotion + share, *told.reasons])


def _draw_box(canvas: Image, box: Box, scale: float, colour: Colour, thickness: int) -> None:
    corners = [round(scale * one) for one in box.edges]
    cv2.rectangle(canvas, corners[:2], corners[2:], colour, thickness)


def _draw_points(canvas: Image, points: KeyPoints, scale: float) -> None:
    ears = [ear for ear in (points.right_ear, points.left_ear) if ear is not None]
    for point in (points.right_eye, points.left_eye, points.nose, points.mouth, *ears):
        cv2.circle(canvas, (round(scale * point.x), round(scale * point.y)), 2, POINT, cv2.FILLED)


def _write(canvas: Image, text: str, place: tuple[int, int], colour: Colour) -> None:
    """Write on a dark outline, so that it is read on any ground."""
    cv2.putText(canvas, text, place, FONT, 0.5, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(canvas, text, place, FONT, 0.5, colour, 1, cv2.LINE_AA)
