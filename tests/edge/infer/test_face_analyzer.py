from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.capture.source import iter_frames
from edge.capture.video import VideoSettings
from edge.detect import open_detector
from edge.detect.haar import HaarSettings
from edge.detect.yunet import YuNetSettings
from edge.geometry import Box
from edge.infer.classifier import (
    ClassifierOutput,
    ClassifierSettings,
    ModelPath,
    TFLiteClassifier,
    open_classifier,
)
from edge.infer.crop import QualitySettings
from edge.infer.face_analyzer import (
    ExpressionAnalyzer,
    FaceAnalyzer,
    crops_similar,
    derive_affect,
)
from edge.infer.track_state import SmoothingSettings
from edge.types import Expression, Face, GrayImage, Image, Reason, Track, TrackedFrame
from tests.edge.infer.models import copy_brightness
from tests.events import frame


class CountingClassifier(TFLiteClassifier):
    """The shipped classifier, counting the crops that it classifies."""

    def __init__(self) -> None:
        self.crops = 0
        self._classifier = open_classifier(ClassifierSettings())
        self.card = self._classifier.card

    def classify(self, crops: Sequence[GrayImage], mirror: bool = False) -> ClassifierOutput:
        self.crops += len(crops)
        return self._classifier.classify(crops, mirror)


@pytest.fixture
def classifier() -> CountingClassifier:
    return CountingClassifier()


def analyzer_with(classifier: CountingClassifier) -> FaceAnalyzer:
    return FaceAnalyzer(classifier, open_detector(HaarSettings()).crop_fit, QualitySettings())


def face_in(image: Image) -> Face:
    (face,) = open_detector(HaarSettings()).detect(image)
    return face


def test_a_face_that_looks_the_same_is_not_classified_again(
    classifier: CountingClassifier, clip: list[Image]
) -> None:
    analyzer, face = analyzer_with(classifier), face_in(clip[4])
    first = analyzer.analyze(clip[4], face)
    noise = np.random.default_rng(0).normal(0, 1.5, clip[4].shape)
    noisy = np.clip(clip[4] + noise, 0, 255).astype(np.uint8)
    assert analyzer.analyze(noisy, face, first) is first
    assert classifier.crops == 1


def test_a_face_that_changed_is_classified_again(
    classifier: CountingClassifier, clip: list[Image]
) -> None:
    analyzer, face = analyzer_with(classifier), face_in(clip[4])
    other = analyzer.analyze(clip[0], face)
    changed = analyzer.analyze(clip[4], face, other)
    assert changed is not other
    assert int(changed.probabilities.argmax()) == 3
    assert classifier.crops == 2


def test_crops_are_similar_up_to_a_mean_difference() -> None:
    gray = np.full((48, 48), 100, dtype=np.uint8)
    assert crops_similar(gray, gray + np.uint8(1))
    assert not crops_similar(gray, gray + np.uint8(2))


def tracked_in(
    image: Image, timestamp: float, tracks: list[Track], still: bool = False
) -> TrackedFrame:
    return TrackedFrame(frame(timestamp, image=image, still=still), tuple(tracks))


DEFAULTS = QualitySettings()
ANY = QualitySettings(min_size=0, min_sharpness=0, min_brightness=0, min_contrast=0, max_yaw=90)


def open_analyzer(
    model: Path = Path("shallow-int8"), quality: QualitySettings = DEFAULTS
) -> ExpressionAnalyzer:
    settings = ClassifierSettings(ModelPath(model), min_confidence=0.0)
    fit = open_detector(HaarSettings()).crop_fit
    return ExpressionAnalyzer(open_classifier(settings), fit, quality, SmoothingSettings(), 0.0)


def find(image: Image, track_id: int = 1) -> Track:
    (face,) = open_detector(HaarSettings()).detect(image)
    return Track(track_id, face.box, seen=True)


def test_a_still_has_an_expression_at_once(clip: list[Image]) -> None:
    (one,) = open_analyzer().update(tracked_in(clip[4], 0.0, [find(clip[4])], still=True))
    assert one.emotion == "happy"
    assert one.probabilities is not None
    assert abs(sum(one.probabilities.values()) - 1) < 0.001


def test_in_a_video_a_face_is_observed_before_it_has_an_expression(clip: list[Image]) -> None:
    analyzer, track = open_analyzer(), find(clip[4])
    assert analyzer.update(tracked_in(clip[4], 0.0, [track])) == []
    (one,) = analyzer.update(tracked_in(clip[4], 1.0, [track]))
    assert one.emotion == "happy"


def test_a_track_not_seen_for_a_moment_keeps_its_expression(clip: list[Image]) -> None:
    analyzer, track = open_analyzer(), find(clip[4])
    analyzer.update(tracked_in(clip[4], 0.0, [track]))
    before = analyzer.update(tracked_in(clip[4], 1.0, [track]))
    hidden = Track(1, track.box, seen=False)
    (after,) = analyzer.update(tracked_in(clip[0], 1.1, [hidden]))
    assert after.probabilities == before[0].probabilities


def test_a_track_that_ended_is_forgotten(clip: list[Image]) -> None:
    analyzer, track = open_analyzer(), find(clip[4])
    analyzer.update(tracked_in(clip[4], 0.0, [track]))
    analyzer.update(tracked_in(clip[4], 1.0, []))
    assert analyzer.update(tracked_in(clip[4], 2.0, [track])) == []


def expressions_after(image: Image, *others: Image) -> list[Expression]:
    """Return the expressions after a second of each of the images, with the face of the first."""
    analyzer, track = open_analyzer(), find(image)
    last: list[Expression] = []
    for tenth, shown in enumerate(one for one in (image, *others) for _ in range(10)):
        last = analyzer.update(tracked_in(shown, tenth / 10, [track]))
    return last


def dimmed(image: Image) -> Image:
    return np.asarray(image * 0.15, dtype=np.uint8)


def test_a_face_carries_its_quality(clip: list[Image]) -> None:
    (one,) = open_analyzer().update(tracked_in(clip[4], 0.0, [find(clip[4])], still=True))
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
def test_a_face_whose_quality_falls_is_uncertain_and_claims_nothing(
    clip: list[Image], spoil: Callable[[Image], Image], reason: Reason
) -> None:
    (one,) = expressions_after(clip[4], spoil(clip[4]))
    assert (one.emotion, one.probabilities) == ("uncertain", None)
    assert reason in one.reasons


def test_a_poor_face_in_a_still_is_uncertain_at_once(clip: list[Image]) -> None:
    analyzer = open_analyzer(quality=QualitySettings(min_sharpness=1.0))
    (one,) = analyzer.update(tracked_in(clip[4], 0.0, [find(clip[4])], still=True))
    assert (one.emotion, one.reasons) == ("uncertain", (Reason.BLURRED,))


def test_a_crop_too_blurred_to_be_a_face_has_no_expression(clip: list[Image]) -> None:
    blurred = np.asarray(cv2.GaussianBlur(clip[4], (0, 0), 25), dtype=np.uint8)
    assert open_analyzer().update(tracked_in(blurred, 0.0, [find(clip[4])], still=True)) == []


def test_a_face_that_comes_back_from_the_dark_has_an_expression_again(clip: list[Image]) -> None:
    (one,) = expressions_after(clip[4], dimmed(clip[4]), clip[4])
    assert (one.emotion, one.reasons) == ("happy", ())


def test_a_face_that_is_covered_is_no_face(clip: list[Image]) -> None:
    squares = np.indices((16, 22)).sum(axis=0) % 2
    pattern = np.kron(60 + 120 * squares, np.ones((30, 30)))[:480, :640]
    (one,) = expressions_after(clip[4], np.repeat(pattern[..., None], 3, axis=2).astype(np.uint8))
    assert (one.emotion, one.reasons) == ("uncertain", (Reason.NOT_A_FACE,))


def test_a_woman_in_profile_is_uncertain_and_facing_the_camera_she_is_not(media: Path) -> None:
    path = media / "intel_head-pose-face-detection-female.gif"
    video = VideoSettings(path, realtime=False).open()
    yunet = open_detector(YuNetSettings(model=media.parent / "detectors" / "yunet_n.onnx"))
    classifier = open_classifier(ClassifierSettings())
    shown: list[Expression] = []
    for one in iter_frames(video):
        analyzer = ExpressionAnalyzer(
            classifier, yunet.crop_fit, DEFAULTS, SmoothingSettings(), 0.0
        )
        (face,) = yunet.detect(one.image)
        track = Track(1, face.box, True, face.points)
        shown += analyzer.update(TrackedFrame(replace(one, still=True), (track,)))
    assert Reason.SIDE_FACE in shown[0].reasons
    assert shown[-1].reasons == ()


SQUARE = Track(1, Box(20, 20, 80, 80), seen=True)
DARK, BRIGHT = (np.full((100, 100, 3), value, dtype=np.uint8) for value in (0, 255))


def test_a_crop_that_is_no_face_is_rejected_and_counted(tmp_path: Path) -> None:
    analyzer = open_analyzer(copy_brightness(tmp_path), ANY)
    for timestamp in (0.0, 1.0, 2.0):
        assert analyzer.update(tracked_in(DARK, timestamp, [SQUARE])) == []
    assert analyzer.rejected_faces == 3


def test_a_rejected_crop_does_not_enter_the_average(tmp_path: Path) -> None:
    analyzer = open_analyzer(copy_brightness(tmp_path), ANY)
    analyzer.update(tracked_in(BRIGHT, 0.0, [SQUARE]))
    (before,) = analyzer.update(tracked_in(BRIGHT, 1.0, [SQUARE]))
    (after,) = analyzer.update(tracked_in(DARK, 2.0, [SQUARE]))
    assert before.probabilities == after.probabilities
    assert (after.emotion, analyzer.rejected_faces) == ("day", 1)


def test_each_face_of_a_frame_is_accepted_or_rejected_by_itself(tmp_path: Path) -> None:
    image = np.hstack([DARK, BRIGHT])
    right = Track(2, Box(120, 20, 180, 80), seen=True)
    analyzer = open_analyzer(copy_brightness(tmp_path), ANY)
    accepted = analyzer.update(tracked_in(image, 0.0, [SQUARE, right], True))
    assert [one.track.track_id for one in accepted] == [2]


def test_a_crowd_takes_turns_and_everybody_has_an_expression(clip: list[Image]) -> None:
    analyzer, face = open_analyzer(), find(clip[4])
    crowd = [replace(face, track_id=number) for number in range(1, 13)]
    reported = {
        expression.track.track_id
        for number in range(30)
        for expression in analyzer.update(tracked_in(clip[number % 5], number / 10, crowd))
    }
    assert reported == {track.track_id for track in crowd}


def test_four_faces_are_classified_in_a_frame_of_a_crowd(
    classifier: CountingClassifier, clip: list[Image]
) -> None:
    analyzer = ExpressionAnalyzer(
        classifier, open_detector(HaarSettings()).crop_fit, DEFAULTS, SmoothingSettings(), 0.5
    )
    face = find(clip[4])
    crowd = [replace(face, track_id=number) for number in range(1, 13)]
    analyzer.update(tracked_in(clip[4], 0.0, crowd))
    assert classifier.crops == 4


def test_in_a_still_every_face_of_a_crowd_is_classified(clip: list[Image]) -> None:
    face = find(clip[4])
    crowd = [replace(face, track_id=number) for number in range(1, 13)]
    assert len(open_analyzer().update(tracked_in(clip[4], 0.0, crowd, still=True))) == len(crowd)


def test_a_face_that_looks_the_same_is_classified_again_after_a_while(
    clip: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    analyzer, track, classified_at, now = open_analyzer(), find(clip[4]), list[float](), 0.0
    classify = TFLiteClassifier.classify

    def recording(
        self: TFLiteClassifier, crops: Sequence[GrayImage], mirror: bool = False
    ) -> ClassifierOutput:
        classified_at.append(now)
        return classify(self, crops, mirror)

    monkeypatch.setattr(TFLiteClassifier, "classify", recording)
    for now in np.arange(0.0, 1.0, 0.05).tolist():
        analyzer.update(tracked_in(clip[4], now, [track]))
    assert classified_at == pytest.approx([0.0, 0.25, 0.5, 0.75])


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ({"happy": 1.0}, (0.81, 0.51)),
        ({"neutral": 1.0}, (0.0, 0.0)),
        ({"angry": 0.5, "sad": 0.5, "calm": 0.0}, (-0.57, 0.16)),
        ({"happy": 0.6, "contempt": 0.4}, (0.81, 0.51)),  # whose rating is not known
        ({"happy": 0.3, "neutral": 0.1, "contempt": 0.6}, None),
        ({"smile": 1.0}, None),
    ],
)
def test_valence_and_arousal_are_the_mean_of_the_ratings_by_probability(
    shares: dict[str, float], expected: tuple[float, float] | None
) -> None:
    assert derive_affect(shares) == pytest.approx(expected)


def test_a_face_has_valence_and_arousal_only_where_they_are_asked_for(clip: list[Image]) -> None:
    for asked in (False, True):
        settings = ClassifierSettings(min_confidence=0.0)
        fit, smoothing = open_detector(HaarSettings()).crop_fit, SmoothingSettings()
        classifier = open_classifier(settings)
        analyzer = ExpressionAnalyzer(classifier, fit, DEFAULTS, smoothing, 0.0, has_affect=asked)
        tracks = [find(clip[4])]
        (one,) = analyzer.update(tracked_in(clip[4], 0.0, tracks, still=True))
        assert ("valence" in one.to_dict(), "arousal" in one.to_dict()) == (asked, asked)
        if asked:
            assert one.affect is not None
            assert one.affect[0] > 0.5  # a smile
