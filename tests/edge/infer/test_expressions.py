from edge.detect import HaarSettings, open_detector
from edge.infer.classifier import ClassifierSettings, ModelPath, open_classifier
from edge.infer.expressions import Expressions
from edge.infer.smoothing import SmoothingSettings
from edge.records import Image, Track, TrackedFrame
from tests.events import frame


def read(image: Image, timestamp: float, tracks: list[Track], still: bool = False) -> TrackedFrame:
    return TrackedFrame(frame(timestamp, image=image, still=still), tuple(tracks))


def expressions() -> Expressions:
    classifier = open_classifier(ClassifierSettings(ModelPath("shallow-int8")))
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
