"""The answers of a model to one person's neutral face, and what follows from them."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from edge.capture import Source
from edge.capture.source import frames
from edge.detect import Detector
from edge.errors import CalibrationError
from edge.infer.classifier import Classifier
from edge.infer.face_analyzer import FaceAnalyzer
from edge.infer.neutral_baseline import NeutralBaseline, check_neutral, fit_baseline
from edge.infer.quality import QualitySettings
from edge.track.landmark_filter import filter_faces
from edge.types import Frame, Probabilities

LEAST_CROPS = 20
"""A second or so of a live camera: fewer may all be of one blink."""

PATIENCE = 15.0
"""Seconds to wait for a picture: a camera that is there opens within five."""


class Calibrator:
    """Watches one person who looks neutral.

    Frames with nobody or several people in view are passed over, and so are crops that the daemon
    would not read.

    Args:
        detector, classifier: what the daemon watches with.
        quality: what makes a crop poor.

    Raises:
        ModelError: the classifier does not know neutral faces.
    """

    def __init__(
        self, detector: Detector, classifier: Classifier, quality: QualitySettings
    ) -> None:
        check_neutral(classifier.card)
        self._detector = detector
        self._card = classifier.card
        self._looker = FaceAnalyzer(classifier, detector.crop_fit, quality)

    def watch(self, source: Source, seconds: float) -> NeutralBaseline:
        """Return what corrects the classifier for whoever `source` shows.

        Args:
            source: what is watched.
            seconds: how long, on its own clock; less where it ends sooner.

        Raises:
            CalibrationError: too little could be seen; the text says why.
            SourceError: nothing came from the source.
        """
        passed_over: Counter[str] = Counter()
        answers = list(self._answers(_first(frames(source, PATIENCE), seconds), passed_over))
        if len(answers) < LEAST_CROPS:
            found = "".join(f", {count} {why}" for why, count in passed_over.most_common())
            raise CalibrationError(
                f"expected at least {LEAST_CROPS} good looks at one face, found {len(answers)}"
                f"{found}; sit alone, near, well lit and still before the camera, and try again"
            )
        return fit_baseline(self._card, np.stack(answers))

    def _answers(self, film: Iterator[Frame], passed_over: Counter[str]) -> Iterator[Probabilities]:
        """Yield the probabilities of each good look, float32 (classes,)."""
        for frame in film:
            found = filter_faces(self._detector.detect(frame.image))
            if len(found) != 1:
                passed_over["with several faces" if found else "without a face"] += 1
                continue
            (look,) = self._looker.look(frame.image, found)
            if look.reasons:
                passed_over["too poor to read"] += 1
            else:
                yield look.probabilities


def _first(film: Iterator[Frame], seconds: float) -> Iterator[Frame]:
    """Yield the frames of the first `seconds`."""
    end: float | None = None
    for frame in film:
        end = frame.timestamp + seconds if end is None else end
        if frame.timestamp > end:
            return
        yield frame
