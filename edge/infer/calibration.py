"""Calibration: collects a model's answers to one person's neutral face and fits the baseline."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from edge.capture import Source
from edge.capture.source import iter_frames
from edge.detect import Detector
from edge.errors import CalibrationError
from edge.infer.classifier import Classifier
from edge.infer.face_analyzer import FaceAnalyzer
from edge.infer.neutral_baseline import NeutralBaseline, check_neutral, fit_baseline
from edge.infer.quality import QualitySettings
from edge.track.landmark_filter import filter_faces
from edge.types import Frame, Probabilities

MIN_CROPS = 20
"""Crops of a second or so of a live camera: fewer may all be of one blink."""

FRAME_TIMEOUT = 15.0
"""Seconds to wait for a frame: a camera that is there opens within five."""


class Calibrator:
    """Collects the neutral baseline of one person.

    Frames with nobody or several people in view are skipped, and so are crops that the daemon would
    not read.

    Args:
        detector, classifier: those of the daemon.
        quality: what makes a crop poor.

    Raises:
        ModelError: the classifier has no class for neutral faces.
    """

    def __init__(
        self, detector: Detector, classifier: Classifier, quality: QualitySettings
    ) -> None:
        check_neutral(classifier.card)
        self._detector = detector
        self._card = classifier.card
        self._analyzer = FaceAnalyzer(classifier, detector.crop_fit, quality)

    def collect(self, source: Source, seconds: float) -> NeutralBaseline:
        """Return the correction for whoever `source` shows.

        Args:
            source: a camera or video of one person who looks neutral.
            seconds: how long to watch, on the source's own clock; less where it ends sooner.

        Raises:
            CalibrationError: too little could be seen; the text says why.
            SourceError: nothing came from the source.
        """
        skipped: Counter[str] = Counter()
        frames = _first_seconds(iter_frames(source, FRAME_TIMEOUT), seconds)
        answers = list(self._classify(frames, skipped))
        if len(answers) < MIN_CROPS:
            found = "".join(f", {count} {why}" for why, count in skipped.most_common())
            raise CalibrationError(
                f"expected at least {MIN_CROPS} good looks at one face, found {len(answers)}"
                f"{found}; sit alone, near, well lit and still before the camera, and try again"
            )
        return fit_baseline(self._card, np.stack(answers))

    def _classify(self, frames: Iterator[Frame], skipped: Counter[str]) -> Iterator[Probabilities]:
        """Yield the probabilities of each good crop, float32 (classes,), and count the others."""
        for frame in frames:
            faces = filter_faces(self._detector.detect(frame.image))
            if len(faces) != 1:
                skipped["with several faces" if faces else "without a face"] += 1
                continue
            observation = self._analyzer.analyze(frame.image, faces[0])
            if observation.reasons:
                skipped["too poor to read"] += 1
            else:
                yield observation.probabilities


def _first_seconds(frames: Iterator[Frame], seconds: float) -> Iterator[Frame]:
    """Yield the frames of the first `seconds`."""
    end: float | None = None
    for frame in frames:
        end = frame.timestamp + seconds if end is None else end
        if frame.timestamp > end:
            return
        yield frame
