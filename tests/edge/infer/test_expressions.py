from pathlib import Path

import numpy as np

from edge.detect import HaarSettings, open_detector
from edge.infer.classifier import ClassifierSettings, ModelPath, open_classifier
from edge.infer.expressions import Expressions
from edge.infer.smoothing import SmoothingSettings
from edge.records import Box, Image, Track, TrackedFrame
from tests.edge.infer.models import copy_brightness
from tests.events import frame


def read(image: Image, timestamp: float, tracks: list[Track], still: bool = False) -> TrackedFrame:
    return TrackedFrame(frame(timestamp, image=image, still=still), tuple(tracks))


def expressions(model: Path = Path("shallow-int8")) -> Expressions:
    classifier = open_classifier(ClassifierSettings(ModelPath(model)))
    return Expressions(classifier, open_detector(HaarSettings()).crop_fit, SmoothingSettings())


def find(image: Image, track_id: int = 1) -> Track:
    (face,) = open_detector(HaarSettings()).detect(image)
    return Track(track_id, face.box, seen=True)


def test_a_still_is_told_at_once(clip: list[Image]) -> None:
    (told,) = expressions().update(read(clip[4], 0.0, [find(clip[4])], still=True))
    assert told.emotion == "happy"
    assert abs(sum(told.probabilities.values()) - 1) < 0.001


def test_in_a_film_a_face_is_watched_before_it_is_told(clip: list[Image]) -> None:
    known, track = expressions(), find(clip[4])
    assert known.update(read(clip[4], 0.0, [track])) == []
    (told,) = known.update(read(clip[4], 1.0, [track]))
    assert told.emotion == "happy"


def test_a_track_not_seen_for_a_moment_keeps_its_expression(clip: list[Image]) -> None:
    known, track = expressions(), find(clip[4])
    known.update(read(clip[4], 0.0, [track]))
    before = known.update(read(clip[4], 1.0, [track]))
    hidden = Track(1, track.box, seen=False)
    (after,) = known.update(read(clip[0], 1.1, [hidden]))
    assert after.probabilities == before[0].probabilities


def test_a_track_that_ended_is_forgotten(clip: list[Image]) -> None:
    known, track = expressions(), find(clip[4])
    known.update(read(clip[4], 0.0, [track]))
    known.update(read(clip[4], 1.0, []))
    assert known.update(read(clip[4], 2.0, [track])) == []


SQUARE = Track(1, Box(20, 20, 80, 80), seen=True)
DARK, BRIGHT = (np.full((100, 100, 3), value, dtype=np.uint8) for value in (0, 255))


def test_a_crop_that_is_no_face_is_refused_and_counted(tmp_path: Path) -> None:
    known = expressions(copy_brightness(tmp_path))
    for timestamp in (0.0, 1.0, 2.0):
        assert known.update(read(DARK, timestamp, [SQUARE])) == []
    assert known.refused == 3


def test_a_refused_crop_does_not_enter_the_average(tmp_path: Path) -> None:
    known = expressions(copy_brightness(tmp_path))
    known.update(read(BRIGHT, 0.0, [SQUARE]))
    before = known.update(read(BRIGHT, 1.0, [SQUARE]))
    after = known.update(read(DARK, 2.0, [SQUARE]))
    assert before == after
    assert (after[0].emotion, known.refused) == ("day", 1)


def test_each_face_of_a_frame_is_accepted_or_refused_by_itself(tmp_path: Path) -> None:
    image = np.hstack([DARK, BRIGHT])
    right = Track(2, Box(120, 20, 180, 80), seen=True)
    told = expressions(copy_brightness(tmp_path)).update(read(image, 0.0, [SQUARE, right], True))
    assert [one.track.track_id for one in told] == [2]
