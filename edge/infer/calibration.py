"""Calibration: collects a model's answers to a neutral face and fits the person's baseline."""

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from edge.capture import Source
from edge.capture.source import iter_frames
from edge.detect import Detector
from edge.detect.detector import filter_faces
from edge.errors import CalibrationError, ModelError
from edge.infer.classifier import MAX_FACTOR, NeutralBaseline, TFLiteClassifier
from edge.infer.crop import QualitySettings
from edge.infer.face_analyzer import FaceAnalyzer
from edge.model_card import ModelCard
from edge.paths import atomic_write
from edge.types import Probabilities
from edge.zones import Polygon

NEUTRAL = "neutral"

ALLOWED_SHARES, OTHER_SHARE = {"sad": 0.2}, 0.1
"""Share of its neutral probability that a neutral face may get for another class: what
`shallow-fer2013-int8` says of PublicTest's neutral faces (geometric means: sad 0.21, angry 0.11,
fear 0.10, happy 0.08, the others less)."""

MIN_PROBABILITY = 1e-4
"""Probability that stands for any lower one: zeros have no logarithm."""

MIN_CROPS = 20
"""Crops of a second or so of a live camera: fewer may all be of one blink."""

FRAME_TIMEOUT = 15.0
"""Seconds to wait for a frame: a camera that is there opens within five."""


class Calibrator:
    """Collects the neutral baseline of one person.

    Raises:
        ModelError: the classifier has no class for neutral faces.
    """

    def __init__(
        self, detector: Detector, classifier: TFLiteClassifier, quality: QualitySettings
    ) -> None:
        self._detector, self._card = detector, classifier.card
        if NEUTRAL not in self._card.labels:
            raise ModelError(
                f"{self._card.name}: expected a model with the label {NEUTRAL}, found "
                f"{', '.join(self._card.labels)}; calibrate one that knows neutral faces"
            )
        self._analyzer = FaceAnalyzer(classifier, detector.crop_fit, quality)

    def collect(
        self, source: Source, seconds: float, ignore: Sequence[Polygon] = ()
    ) -> NeutralBaseline:
        """Return the correction for the one person whom `source` shows, looking neutral.

        It is watched for `seconds`, on its own clock; less where it ends sooner. In the regions to
        `ignore` nobody is looked for. Frames with nobody or several people in view are skipped, and
        so are crops that the daemon would not read.

        Raises:
            CalibrationError: too little could be seen; the text says why.
            SourceError: nothing came from the source.
        """
        answers, skipped, end = list[Probabilities](), Counter[str](), math.inf
        for frame in iter_frames(source, FRAME_TIMEOUT, ignore):
            end = min(end, frame.timestamp + seconds)
            if frame.timestamp > end:
                break
            faces = filter_faces(self._detector.detect(frame.image))
            if len(faces) != 1:
                skipped["with several faces" if faces else "without a face"] += 1
                continue
            observation = self._analyzer.analyze(frame.image, faces[0])
            if observation.reasons:
                skipped["too poor to read"] += 1
            else:
                answers.append(observation.probabilities)
        if len(answers) < MIN_CROPS:
            found = "".join(f", {count} {why}" for why, count in skipped.most_common())
            raise CalibrationError(
                f"expected at least {MIN_CROPS} good looks at one face, found {len(answers)}"
                f"{found}; sit alone, near, well lit and still before the camera, and try again"
            )
        return fit_baseline(self._card, np.stack(answers))


def fit_baseline(card: ModelCard, answers: Probabilities) -> NeutralBaseline:
    """Return the correction after which a person's neutral face reads as neutral.

    Of the mean of the answers, (n, classes) of the card's model, each class that gets more than its
    share beside neutral is lowered to that share; none is ever raised.
    """
    allowed = np.array([ALLOWED_SHARES.get(label, OTHER_SHARE) for label in card.labels])
    mean = np.log(np.maximum(answers.astype(float), MIN_PROBABILITY)).mean(axis=0)
    beside_neutral = mean - mean[card.labels.index(NEUTRAL)]
    weights = np.clip(np.log(allowed) - beside_neutral, -np.log(MAX_FACTOR), 0.0)
    weights[card.labels.index(NEUTRAL)] = 0.0
    # Towards zero, so that none lies beyond the limit.
    rounded = np.ceil(weights * 1e4) / 1e4 + 0.0
    return NeutralBaseline(
        card.name, card.sha256, card.labels, len(answers), tuple(rounded.tolist())
    )


def check_writable(path: Path) -> None:
    """Raise a CalibrationError where a baseline cannot be written, before somebody sits still."""
    if not path.parent.is_dir():
        raise CalibrationError(f"{path}: cannot be written: there is no folder {path.parent}")
    if path.exists() and not path.is_file():
        raise CalibrationError(f"{path}: cannot be written: it is there, and not a file")


def write_baseline(path: Path, baseline: NeutralBaseline) -> None:
    """Write a baseline atomically, or raise a CalibrationError."""
    try:
        atomic_write(path, msgspec.json.format(msgspec.json.encode(baseline), indent=2) + b"\n")
    except OSError as error:
        raise CalibrationError(f"{path}: cannot be written: {error.strerror}") from error
