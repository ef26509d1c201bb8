"""Calibration: collects what a model says of one person's faces, and fits the correction."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.capture import Source
from edge.capture.images import ImagesSettings
from edge.capture.source import iter_frames
from edge.detect.detector import Detector, filter_faces
from edge.errors import EmotiondError, ModelError, os_errors_as
from edge.infer import classifier as model
from edge.infer.classifier import NeutralBaseline, TFLiteClassifier
from edge.infer.crop import QualitySettings
from edge.infer.face_analyzer import FaceAnalyzer
from edge.model_card import ModelCard
from edge.paths import atomic_write
from edge.types import Frame, Probabilities
from edge.zones import Polygon

NEUTRAL = "neutral"
ALLOWED_SHARES, OTHER_SHARE = {"sad": 0.2}, 0.1
"""Share of its neutral probability a neutral face may get for another class; geometric means of
PublicTest's by `shallow-fer2013-int8`: sad 0.21, angry 0.11, fear 0.10, happy 0.08, others less."""

MIN_CROPS = 20  # of a second or so of a live camera: fewer may all be of one blink
FRAME_TIMEOUT = 15.0  # seconds to wait for a frame: a camera that is there opens within five
PICTURES = 5  # looks at each expression that are learned from
PREPARE_S, SHOW_S = 4.0, 10.0  # seconds to change the expression, and of looking at it
CONTRAST = 4.0  # log odds of the right class against each other, as aimed at: 0.89 of eight
SHRINKAGE = 100.0
"""What holds the correction back. Of 16 drawn-out likenesses, `tools/person_calibration.py`, 30 to
300 gained 8 to 9 points, and 100 most where it gained least (2026-11-30)."""

TINY = np.finfo(np.float32).tiny


class Calibrator:
    """A model's answers to one person, who is alone before the camera or in images.

    Frames with nobody or several people are skipped, and so are crops that the daemon would not
    read. In the regions to `ignore` nobody is looked for. EmotiondError: too little could be seen.
    """

    def __init__(
        self,
        detector: Detector,
        classifier: TFLiteClassifier,
        quality: QualitySettings,
        ignore: Sequence[Polygon] = (),
    ) -> None:
        self.card, self._detector, self._ignore = classifier.card, detector, ignore
        self._analyzer = FaceAnalyzer(classifier, detector.crop_fit, quality)

    def collect(self, source: Source, seconds: float) -> NeutralBaseline:
        """Return the correction for who looks neutral; a ModelError where no class is neutral."""
        if NEUTRAL not in self.card.labels:
            text = f"{self.card.name}: expected a model with the label {NEUTRAL}, found "
            text += ", ".join(self.card.labels)
            raise ModelError(f"{text}; calibrate one that knows neutral faces")
        frames = _window(iter_frames(source, FRAME_TIMEOUT, self._ignore), 0.0, seconds)
        return fit_baseline(self.card, self._answers(frames, MIN_CROPS))

    def watch(
        self, source: Source, labels: Iterable[str], show: Callable[[str], object]
    ) -> dict[str, Probabilities]:
        """Return the answers while the person shows each class, which `show` asks for."""
        frames, answers = iter_frames(source, FRAME_TIMEOUT, self._ignore), {}
        for label in labels:
            show(label)
            shown = _window(frames, PREPARE_S, PREPARE_S + SHOW_S, SHOW_S / (4 * PICTURES))
            answers[label] = self._answers(shown, PICTURES, PICTURES, f"{label}: ")
        return answers

    def read(self, folder: Path, labels: Iterable[str]) -> dict[str, Probabilities]:
        """Return the answers to all images of each class, a subfolder of `folder` by its name."""
        answers = {}
        for label in labels:
            with closing(ImagesSettings(folder / label).open()) as source:
                frames = iter_frames(source, ignore=self._ignore)
                answers[label] = self._answers(frames, PICTURES, None, f"{folder / label}: ")
        return answers

    def _answers(
        self, frames: Iterable[Frame], least: int, most: int | None = None, what: str = ""
    ) -> Probabilities:
        answers, skipped = list[Probabilities](), Counter[str]()
        for frame in frames:
            faces = filter_faces(self._detector.detect(frame.image))
            if len(faces) != 1:
                skipped["with several faces" if faces else "without a face"] += 1
                continue
            observation = self._analyzer.analyze(frame.image, faces[0])
            if observation.reasons:
                skipped["too poor to read"] += 1
                continue
            answers.append(observation.probabilities)
            if len(answers) == most:
                break
        if len(answers) < least:
            found = "".join(f", {count} {why}" for why, count in skipped.most_common())
            text = f"{what}expected at least {least} good looks at one face, found {len(answers)}"
            remedy = "sit alone, near, well lit and still before the camera, and try again"
            raise EmotiondError(f"{text}{found}; {remedy}")
        return np.stack(answers)


def _window(
    frames: Iterable[Frame], first: float, last: float, interval: float = 0.0
) -> Iterator[Frame]:
    """Yield the frames from `first` to `last` seconds after the first one, some seconds apart."""
    start = due = -math.inf
    for frame in frames:
        if start == -math.inf:
            start, due = frame.timestamp, frame.timestamp + first
        if frame.timestamp > start + last:
            return
        if frame.timestamp >= due:
            due = frame.timestamp + interval
            yield frame


def fit_baseline(card: ModelCard, answers: Probabilities) -> NeutralBaseline:
    """Return what lowers the classes of answers, (n, classes), to their share beside neutral."""
    allowed = np.array([ALLOWED_SHARES.get(label, OTHER_SHARE) for label in card.labels])
    mean = np.log(np.maximum(answers.astype(float), model.MIN_PROBABILITY)).mean(axis=0)
    beside_neutral = mean - mean[card.labels.index(NEUTRAL)]
    weights = np.clip(np.log(allowed) - beside_neutral, -np.log(model.MAX_FACTOR), 0.0)
    weights[card.labels.index(NEUTRAL)] = 0.0
    # Rounded towards zero, so that none lies beyond the limit.
    rounded = tuple((np.ceil(weights * 1e4) / 1e4 + 0.0).tolist())
    return NeutralBaseline(card.name, card.sha256, card.labels, len(answers), rounded)


class Learned(NamedTuple):
    """A correction, and the balanced accuracy of the model on what it was learned from."""

    baseline: NeutralBaseline
    looks: int
    before: float
    after: float  # with corrections that were each learned without what they judge


def learn_expressions(
    card: ModelCard, answers: Mapping[str, Probabilities], known: NeutralBaseline | None
) -> Learned:
    """Return how a person shows classes, beside what is `known`; EmotiondError: no gain."""
    nothing = (0.0,) * len(card.labels)
    baseline = known or NeutralBaseline(card.name, card.sha256, card.labels, 0, nothing)
    baseline = msgspec.structs.replace(baseline, expressions=())
    seen = np.log(np.maximum(baseline.correct(np.concatenate([*answers.values()])), TINY))
    classes = np.repeat([*map(card.labels.index, answers)], [*map(len, answers.values())])
    judged = seen.copy()
    for row, others in enumerate(~np.eye(len(seen), dtype=bool)):
        fitted = fit_expressions(seen[others], classes[others])
        judged[row] = model.corrected(seen[row : row + 1], fitted)[0]
    before, after = (balanced_accuracy(values, classes) for values in (seen, judged))
    if after <= min(before, 0.999):
        found = f"found {before:.0%} of them told apart without it and {after:.0%} with it"
        remedy = "show each more clearly, or leave out what you do not show"
        raise EmotiondError(f"expected expressions that differ more, {found}; {remedy}")
    matrix = np.round(np.clip(fit_expressions(seen, classes), -10, 10), 4).tolist()
    learned = msgspec.structs.replace(baseline, expressions=tuple(map(tuple, matrix)))
    return Learned(learned, len(seen), before, after)


def fit_expressions(
    seen: Probabilities, classes: NDArray[np.int64], shrinkage: float = SHRINKAGE
) -> NDArray[np.float64]:
    """Return `NeutralBaseline.expressions` for logarithms of answers, (n, classes), of each class.

    Ridge regression of what is missing to a sure and right answer: with few pictures the correction
    is small. Every class counts as `PICTURES`, whatever it has; one that nobody showed is left.
    """
    known, count = model.features(seen).astype(float), seen.shape[1]
    missing = CONTRAST * (np.eye(count)[classes] - 1 / count) - known[:, :count]
    counts = np.bincount(classes, minlength=count)
    missing[:, counts == 0] = 0.0
    weighted = (known * (PICTURES / counts[classes])[:, None]).T
    solved = np.linalg.solve(weighted @ known + shrinkage * np.eye(count + 1), weighted @ missing)
    return np.asarray(solved)


def balanced_accuracy(values: NDArray[np.floating], classes: NDArray[np.int64]) -> float:
    """Return the mean recall of the classes that there are, of values (n, classes)."""
    right = values.argmax(axis=1) == classes
    return float(np.mean([right[classes == one].mean() for one in np.unique(classes)]))


def check_writable(path: Path) -> None:
    """Raise an EmotiondError where a baseline cannot be written, before somebody sits still."""
    if not path.parent.is_dir():
        raise EmotiondError(f"{path}: cannot be written: there is no folder {path.parent}")
    if path.exists() and not path.is_file():
        raise EmotiondError(f"{path}: cannot be written: it is there, and not a file")


def write_baseline(path: Path, baseline: NeutralBaseline) -> None:
    """Write a baseline atomically, or raise an EmotiondError."""
    with os_errors_as(EmotiondError, path, "written"):
        atomic_write(path, msgspec.json.format(msgspec.json.encode(baseline), indent=2) + b"\n")
