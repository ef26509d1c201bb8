from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.capture.source import frames
from edge.capture.video import Video, VideoSettings
from edge.detect import HaarSettings, YuNetSettings, open_detector
from edge.geometry import Box
from edge.infer.classifier import (
    ClassifierOutput,
    ClassifierSettings,
    ModelPath,
    TFLiteClassifier,
    open_classifier,
)
from edge.infer.expression_analyzer import MAX_FACES_PER_FRAME, RECLASSIFY_AFTER, ExpressionAnalyzer
from edge.infer.quality import QualitySettings
from edge.infer.smoothing import SmoothingSettings
from edge.types import Expression, GrayImage, Image, Reason, Track, TrackedFrame
from tests.edge.infer.models import copy_brightness
from tests.events import frame


def read(image: Image, timestamp: float, tracks: list[Track], still: bool = False) -> TrackedFrame:
    return TrackedFrame(frame(timestamp, image=image, still=still), tuple(tracks))


DEFAULTS = QualitySettings()
ANY = QualitySettings(min_size=0, min_sharpness=0, min_brightness=0, min_contrast=0, max_yaw=90)


def expressions(
    model: Path = Path("shallow-int8"), quality: QualitySettings = DEFAULTS
) -> ExpressionAnalyzer:
    classifier = open_classifier(ClassifierSettings(ModelPath(model)))
    fit = open_detector(HaarSettings()).crop_fit
    return ExpressionAnalyzer(classifier, fit, SmoothingSettings(), quality)


def find(image: Image, track_id: int = 1) -> Track:
    (face,) = open_detector(HaarSettings()).detect(image)
    return Track(track_id, face.box, seen=True)


def test_a_still_is_told_at_once(clip: list[Image]) -> None:
    (one,) = expressions().update(read(clip[4], 0.0, [find(clip[4])], still=True))
    assert one.emotion == "happy"
    assert one.probabilities is not None
    assert abs(sum(one.probabilities.values()) - 1) < 0.001


def test_in_a_film_a_face_is_watched_before_it_is_told(clip: list[Image]) -> None:
    known, track = expressions(), find(clip[4])
    assert known.update(read(clip[4], 0.0, [track])) == []
    (one,) = known.update(read(clip[4], 1.0, [track]))
    assert one.emotion == "happy"


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


def told(image: Image, *others: Image) -> list[Expression]:
    """Return what is told of the face of `image` after a second of each of the pictures."""
    known, track = expressions(), find(image)
    last: list[Expression] = []
    for tenth, picture in enumerate(one for one in (image, *others) for _ in range(10)):
        last = known.update(read(picture, tenth / 10, [track]))
    return last


def dimmed(image: Image) -> Image:
    return np.asarray(image * 0.15, dtype=np.uint8)


def test_a_face_carries_its_quality(clip: list[Image]) -> None:
    (one,) = expressions().update(read(clip[4], 0.0, [find(clip[4])], still=True))
    assert one.quality.size == pytest.approx(find(clip[4]).box.height, rel=0.1)
    assert one.quality.brightness > 40
    assert (one.quality.yaw, one.quality.roll, one.reasons) == (None, None, ())


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (dimmed, Reason.DARK),
        (lambda image: cv2.GaussianBlur(image, (0, 0), 12), Reason.BLURRED),
        (lambda image: (120 + image * 0.08).astype(np.uint8), Reason.LOW_CONTRAST),
    ],
)
def test_a_face_that_turns_poor_is_uncertain_and_claims_nothing(
    clip: list[Image], spoil: Callable[[Image], Image], reason: Reason
) -> None:
    (one,) = told(clip[4], spoil(clip[4]))
    assert (one.emotion, one.probabilities) == ("uncertain", None)
    assert reason in one.reasons


def test_a_poor_face_in_a_still_is_uncertain_at_once(clip: list[Image]) -> None:
    known = expressions(quality=QualitySettings(min_sharpness=1.0))
    (one,) = known.update(read(clip[4], 0.0, [find(clip[4])], still=True))
    assert (one.emotion, one.reasons) == ("uncertain", (Reason.BLURRED,))


def test_what_is_too_blurred_to_be_a_face_at_all_is_not_told(clip: list[Image]) -> None:
    blurred = np.asarray(cv2.GaussianBlur(clip[4], (0, 0), 25), dtype=np.uint8)
    assert expressions().update(read(blurred, 0.0, [find(clip[4])], still=True)) == []


def test_a_face_that_comes_back_from_the_dark_is_read_anew(clip: list[Image]) -> None:
    (one,) = told(clip[4], dimmed(clip[4]), clip[4])
    assert (one.emotion, one.reasons) == ("happy", ())


def test_a_face_that_is_covered_is_no_face(clip: list[Image]) -> None:
    squares = np.indices((16, 22)).sum(axis=0) % 2
    pattern = np.kron(60 + 120 * squares, np.ones((30, 30)))[:480, :640]
    (one,) = told(clip[4], np.repeat(pattern[..., None], 3, axis=2).astype(np.uint8))
    assert (one.emotion, one.reasons) == ("uncertain", (Reason.NOT_A_FACE,))


def test_a_woman_in_profile_is_uncertain_and_facing_the_camera_she_is_not(media: Path) -> None:
    film = Video(VideoSettings(media / "intel_head-pose-face-detection-female.gif", pace=False))
    yunet = open_detector(YuNetSettings(model=media.parent / "detectors" / "yunet_n.onnx"))
    classifier = open_classifier(ClassifierSettings())
    told: list[Expression] = []
    for one in frames(film):
        known = ExpressionAnalyzer(
            classifier, yunet.crop_fit, SmoothingSettings(), QualitySettings()
        )
        (face,) = yunet.detect(one.image)
        track = Track(1, face.box, True, face.points)
        told += known.update(TrackedFrame(replace(one, still=True), (track,)))
    assert Reason.SIDE_FACE in told[0].reasons
    assert told[-1].reasons == ()


SQUARE = Track(1, Box(20, 20, 80, 80), seen=True)
DARK, BRIGHT = (np.full((100, 100, 3), value, dtype=np.uint8) for value in (0, 255))


def test_a_crop_that_is_no_face_is_refused_and_counted(tmp_path: Path) -> None:
    known = expressions(copy_brightness(tmp_path), ANY)
    for timestamp in (0.0, 1.0, 2.0):
        assert known.update(read(DARK, timestamp, [SQUARE])) == []
    assert known.refused == 3


def test_a_refused_crop_does_not_enter_the_average(tmp_path: Path) -> None:
    known = expressions(copy_brightness(tmp_path), ANY)
    known.update(read(BRIGHT, 0.0, [SQUARE]))
    (before,) = known.update(read(BRIGHT, 1.0, [SQUARE]))
    (after,) = known.update(read(DARK, 2.0, [SQUARE]))
    assert before.probabilities == after.probabilities
    assert (after.emotion, known.refused) == ("day", 1)


def test_each_face_of_a_frame_is_accepted_or_refused_by_itself(tmp_path: Path) -> None:
    image = np.hstack([DARK, BRIGHT])
    right = Track(2, Box(120, 20, 180, 80), seen=True)
    known = expressions(copy_brightness(tmp_path), ANY)
    accepted = known.update(read(image, 0.0, [SQUARE, right], True))
    assert [one.track.track_id for one in accepted] == [2]


def test_a_crowd_takes_turns_and_everybody_is_told(clip: list[Image]) -> None:
    known, face = expressions(), find(clip[4])
    crowd = [replace(face, track_id=number) for number in range(1, 3 * MAX_FACES_PER_FRAME + 1)]
    told = {
        expression.track.track_id
        for number in range(30)
        for expression in known.update(read(clip[number % 5], number / 10, crowd))
    }
    assert told == {track.track_id for track in crowd}


def test_in_a_still_every_face_of_a_crowd_is_read(clip: list[Image]) -> None:
    face = find(clip[4])
    crowd = [replace(face, track_id=number) for number in range(1, 3 * MAX_FACES_PER_FRAME + 1)]
    assert len(expressions().update(read(clip[4], 0.0, crowd, still=True))) == len(crowd)


def test_a_face_that_looks_the_same_is_read_again_after_a_while(
    clip: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    known, track, read_at, now = expressions(), find(clip[4]), list[float](), 0.0
    classify = TFLiteClassifier.classify

    def noting(
        self: TFLiteClassifier, crops: Sequence[GrayImage], mirror: bool = False
    ) -> ClassifierOutput:
        read_at.append(now)
        return classify(self, crops, mirror)

    monkeypatch.setattr(TFLiteClassifier, "classify", noting)
    for now in np.arange(0.0, 1.0, 0.05).tolist():
        known.update(read(clip[4], now, [track]))
    assert read_at == pytest.approx(
        [0.0, RECLASSIFY_AFTER, 2 * RECLASSIFY_AFTER, 3 * RECLASSIFY_AFTER]
    )
