"""With `blur: faces` no single frame shows a face: not after a cut, not between two searches."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.config import parse_config
from edge.detect import open_detector
from edge.detect.builtin import BuiltinSettings
from edge.geometry import Box
from edge.offline.video import VideoJob, analyze_video
from edge.pipeline.worker import LatestFrame
from edge.types import AnalyzedFrame, Frame, Image, TrackedFrame
from tests.events import frame
from tests.faults import fault
from tests.films import frames_of, write_film

SCENE = (480, 640)


def portrait(clip: list[Image]) -> tuple[Image, Box]:
    """Return a part of the clip that one face fills, and the face's box in it."""
    small = np.asarray(cv2.resize(clip[2], None, fx=0.4, fy=0.4), np.uint8)
    (found,) = open_detector(BuiltinSettings()).detect(small)
    around = found.box.square(2.0)
    x, y = max(0, int(around.x1)), max(0, int(around.y1))
    part = small[y : int(around.y2), x : int(around.x2)]
    box = found.box
    return part, Box(box.x1 - x, box.y1 - y, box.x2 - x, box.y2 - y)


def scenes(clip: list[Image], count: int) -> Iterator[tuple[Image, Box | None]]:
    """Yield frames in which a face is here or there or nowhere for 3 to 9 frames; and its box."""
    rng = random.Random(4)
    face, found = portrait(clip)
    made = 0
    while made < count:
        scene: Image = np.full((*SCENE, 3), rng.randrange(60, 200), np.uint8)
        box = None
        if rng.random() < 0.7:
            x, y = rng.randrange(SCENE[1] - face.shape[1]), rng.randrange(SCENE[0] - face.shape[0])
            scene[y : y + face.shape[0], x : x + face.shape[1]] = face
            box = Box(found.x1 + x, found.y1 + y, found.x2 + x, found.y2 + y)
        for _ in range(rng.randrange(3, 10)):
            made += 1
            yield scene, box


def detail(image: Image, box: Box) -> NDArray[np.float32]:
    """Return the fine detail within a box."""
    part = image[int(box.y1) : int(box.y2), int(box.x1) : int(box.x2)].astype(np.float32)
    return np.asarray(part - cv2.blur(part, (9, 9)), np.float32)


def shows_face(shown: Image, true: Image, box: Box) -> bool:
    """Tell whether the fine detail of a face is still there."""
    one, other = detail(shown, box).ravel(), detail(true, box).ravel()
    return float(np.corrcoef(one, other)[0, 1]) > 0.4


def test_the_measure_tells_a_face_from_a_hidden_one(clip: list[Image]) -> None:
    face, box = portrait(clip)
    encoded = cv2.imdecode(cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], 1)
    assert shows_face(np.asarray(encoded, np.uint8), face, box)
    small = cv2.resize(face, (12, 12), interpolation=cv2.INTER_AREA)
    hidden = cv2.resize(small, face.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    assert not shows_face(np.asarray(hidden, np.uint8), face, box)


@fault(
    "people",
    "`blur: faces` and a cut between two searches for faces",
    seen="a written video in which every face is hidden",
    recovery="none needed",
)
@pytest.mark.parametrize("blur", ["faces", "none"])
def test_no_frame_of_a_written_copy_shows_a_face(
    blur: str, clip: list[Image], tmp_path: Path
) -> None:
    made = list(scenes(clip, 200))
    video = write_film(tmp_path / "cuts.mp4", [image for image, _ in made])
    config = parse_config({"privacy": {"blur": blur}}, tmp_path / "config.yaml")
    copy = tmp_path / "copy.mp4"
    analyze_video(VideoJob(video, config, copy))
    shown = frames_of(copy)
    assert len(shown) == len(made)
    faces = [(image, true, box) for image, (true, box) in zip(shown, made, strict=True) if box]
    unhidden = sum(shows_face(*one) for one in faces)
    assert unhidden == (0 if blur == "faces" else len(faces))


def analyzed(one: Frame, searched: bool) -> AnalyzedFrame:
    tracked = TrackedFrame(one, (), searched=searched)
    return AnalyzedFrame(tracked, (), datetime.now(UTC))


@fault(
    "people",
    "`blur: faces` and a frame that was not searched",
    seen="the last searched frame on the page, in the window, in snapshots",
    recovery="the next search",
    lost="frames of live views",
)
def test_views_are_given_no_frame_that_was_not_searched() -> None:
    latest = LatestFrame()
    latest.show(analyzed(frame(0.0), searched=False))
    assert latest.newest is not None, "without blur every frame is shown"
    latest.limit(kept=True, searched_only=True)
    assert latest.newest is None
    latest.show(analyzed(frame(1.0), searched=False))
    assert latest.newest is None
    latest.show(analyzed(frame(2.0), searched=True))
    latest.show(analyzed(frame(3.0), searched=False))
    assert latest.newest is not None
    assert latest.newest.frame.timestamp == 2.0
