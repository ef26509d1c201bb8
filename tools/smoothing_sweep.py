"""Smoothing sweep: label flips and switch times over generated clips, for a grid of settings.

    python -m tools.smoothing_sweep --data fer2013.csv --votes fer2013new.csv

Clips are made of PublicTest faces on whose expression the FER+ taggers agree. In a still clip one
face is held before a camera for ten seconds: its crop shakes as a detector's boxes do, light and
noise vary, and in every second clip the mouth moves as in speech. In a switching clip another face,
of another expression, takes its place half-way. The classifier reads every frame once; the settings
are then tried on its answers.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path
from statistics import fmean, median

import cv2
import numpy as np
from numpy.typing import NDArray

from converter.data import open_dataset
from converter.data.label_sets import ferplus_majority
from edge.infer.classifier import ClassifierSettings, ModelPath, TFLiteClassifier, open_classifier
from edge.infer.track_state import ExpressionTrackState, FaceObservation, SmoothingSettings
from edge.types import GrayImage, Probabilities, Quality
from tools.datasets import distinct

FPS = 30
SECONDS = 10.0
"""Length of a clip."""

SWITCH = 5.0
"""Seconds after which the second face of a switching clip comes."""

AGREEMENT = 0.7
"""Share of the FER+ votes that the leading expression of a face must have."""

TIME_CONSTANTS = (0.1, 0.15, 0.2, 0.3)
HYSTERESES = (0.05, 0.1, 0.2, 0.3)
HOLD_TIMES = (0.2, 0.3, 0.4)
"""The grid, in seconds, in probability, and in seconds."""

GOOD = Quality(size=96, sharpness=0.2, brightness=120, contrast=50)


@dataclass(frozen=True, slots=True)
class Clip:
    """Answers of the classifier to the frames of one clip.

    Attributes:
        answers: float32 (frames, classes).
        switch: when the second face comes, in seconds; None in a still clip.
    """

    answers: Probabilities
    switch: float | None = None


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the clips, try the grid, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="fer2013.csv")
    parser.add_argument("--votes", type=Path, required=True, help="fer2013new.csv")
    parser.add_argument("--model", default="shallow-int8")
    parser.add_argument("--faces", type=int, default=8, help="of each expression")
    options = parser.parse_args(arguments)
    classifier = open_classifier(ClassifierSettings(ModelPath(options.model)))
    groups = _groups(options.data, options.votes, options.faces)
    clips = list(_clips(groups, classifier, np.random.default_rng(0)))
    print(
        "time_constant_s  hysteresis  hold_s  min_confidence  "
        "flips a minute  switch s  p90 s  uncertain"
    )
    for constant, hysteresis, hold, least in product(
        TIME_CONSTANTS, HYSTERESES, HOLD_TIMES, (0.0, 0.5)
    ):
        settings = SmoothingSettings(time_constant_s=constant, hysteresis=hysteresis, hold_s=hold)
        print(
            f"{constant:15.2f}  {hysteresis:10.2f}  {hold:6.2f}  {least:14.2f}  "
            + _row(clips, settings, least)
        )


def _groups(data: Path, votes: Path, count: int) -> list[NDArray[np.uint8]]:
    """Return faces of each expression that has any, uint8 (n, 48, 48) each."""
    faces = open_dataset(data, votes).split("PublicTest").without_non_faces()
    test = ferplus_majority(distinct(faces))
    clear = test.votes.max(axis=1) >= AGREEMENT * test.votes.sum(axis=1)
    groups = (test.pixels[clear & (test.labels == label)][:count] for label in range(7))
    return [group for group in groups if len(group)]


def _clips(
    groups: Sequence[NDArray[np.uint8]], classifier: TFLiteClassifier, rng: np.random.Generator
) -> Iterator[Clip]:
    half = round(SWITCH * FPS)
    for number, group in enumerate(groups):
        for place, face in enumerate(group):
            frames = _held(face, round(SECONDS * FPS), place % 2 == 1, rng)
            yield Clip(classifier.classify(frames).probabilities)
            other = groups[(number + 1 + place % (len(groups) - 1)) % len(groups)]
            second = other[place % len(other)]
            frames = _held(face, half, False, rng) + _held(second, half, False, rng)
            yield Clip(classifier.classify(frames).probabilities, SWITCH)


def _held(
    face: GrayImage, frames: int, speaking: bool, rng: np.random.Generator
) -> list[GrayImage]:
    """Return a face as a camera sees it: shaking crop, changing light, noise, and speech."""
    side = len(face)
    middle = (side - 1) / 2
    across, down = np.meshgrid(np.arange(side, dtype=np.float32), np.arange(side, dtype=np.float32))
    state = np.zeros(5)
    shown = []
    for number in range(frames):
        # A first-order walk with a time constant of a third of a second.
        state = 0.9 * state + np.sqrt(1 - 0.81) * rng.standard_normal(5)
        matrix = cv2.getRotationMatrix2D((middle, middle), 2.0 * state[0], 1 + 0.03 * state[1])
        matrix[:, 2] += 0.02 * side * state[2:4]
        moved = cv2.warpAffine(face, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
        if speaking:
            opened = 0.06 * (1 + np.sin(2 * np.pi * 4 * number / FPS + state[4]))
            mouth = np.maximum(0.0, down - 0.62 * side)
            moved = cv2.remap(moved, across, (down - opened * mouth).astype(np.float32), 1)
        noisy = moved + 4 * state[4] + rng.normal(0, 3, face.shape)
        shown.append(np.clip(noisy, 0, 255).astype(np.uint8))
    return shown


def _row(clips: Sequence[Clip], settings: SmoothingSettings, min_confidence: float) -> str:
    flips, minutes, times, doubtful = 0, 0.0, [], []
    for clip in clips:
        labels = _labels(clip, settings, min_confidence)
        doubtful.append(fmean(label == -1 for label in labels))
        if clip.switch is None:
            known = [label for label in labels if label is not None]
            flips += sum(one != other for one, other in pairwise(known))
            minutes += len(known) / FPS / 60
        elif (took := _switch_time(labels, clip.switch)) is not None:
            times.append(took)
    late = float(np.quantile(times, 0.9))
    return f"{flips / minutes:14.2f}  {median(times):8.2f}  {late:5.2f}  {fmean(doubtful):9.3f}"


def _labels(clip: Clip, settings: SmoothingSettings, least: float) -> list[int | None]:
    """Return the label at each frame; -1 where it is uncertain, None before the first."""
    watch, labels = ExpressionTrackState(settings, least), list[int | None]()
    for number, answer in enumerate(clip.answers):
        watch.update(FaceObservation(answer, True, GOOD, (), np.empty(0, np.uint8)), number / FPS)
        labels.append(-1 if watch.reasons else watch.label)
    return labels


def _switch_time(labels: Sequence[int | None], switch: float) -> float | None:
    """Return the seconds from the switch to the label that the second face keeps."""
    start, last = round(switch * FPS), labels[-1]
    if last in (None, -1, labels[start - 1]):
        return None
    return (
        next(place for place in range(start, len(labels)) if labels[place] == last) - start
    ) / FPS


if __name__ == "__main__":
    main()
