"""`python -m tools.bench.overhead`: what the pipeline costs beyond its bare parts.

The bare parts are what any program must do to name the expression in a frame: decode it, draw it
into the detector's input, run that network, cut the face out and make it small, run that network,
encode and write an event. They are done here without anything around them, on the frames and as
often as the pipeline did them; each round does both, in turns.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from statistics import median

import cv2
import numpy as np

from edge.bench.contest import DEFAULT_MODEL, DETECTORS
from edge.bench.pipeline_bench import config_of, run_in_turn, run_threads
from edge.bench.reel import Reel
from edge.commands.demo_run import CLIP
from edge.config import Config
from edge.detect.builtin import Size, letterbox
from edge.detect.card import load_detector_card
from edge.infer.classifier import ClassifierOutput, TFLiteClassifier, open_classifier
from edge.infer.expression_analyzer import ExpressionAnalyzer
from edge.paths import find_model
from edge.pipeline.components import BuildContext, PipelineComponents, build_components
from edge.publish.payload import decode_event, encode_event
from edge.tflite import Runtime, TFLiteModel
from edge.types import EmotionEvent, GrayImage, Image

SIDE = 48


class Counting:
    """A classifier that counts what it reads."""

    def __init__(self, classifier: TFLiteClassifier) -> None:
        self.card = classifier.card
        self.crops = 0
        self._classifier = classifier

    def classify(self, crops: Sequence[GrayImage], mirror: bool = False) -> ClassifierOutput:
        """Return what is seen in each of the crops."""
        self.crops += len(crops)
        return self._classifier.classify(crops, mirror)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=475)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as name:
        rounds = [_round(Path(name), options.frames) for _ in range(options.rounds)]
    for part in rounds[0]:
        values = [one[part] for one in rounds]
        print(f"{part:34}{median(values):8.3f}   ({min(values):.3f} to {max(values):.3f})")


def _round(folder: Path, frames: int) -> dict[str, float]:
    """Return the milliseconds a frame of the parts and of the pipeline, and what they make."""
    config = config_of(DETECTORS["emotiond"], find_model(Path(DEFAULT_MODEL)), folder)
    parts, counting = _open(config, frames)
    bare_loop = Bare(folder)
    spent = time.process_time()
    laps = run_in_turn(parts)
    spent = (time.process_time() - spent) / frames
    bare_spent = time.process_time()
    bare = bare_loop.run(frames, counting.crops)
    bare_spent = (time.process_time() - bare_spent) / frames
    threads = run_threads(_open(config, frames)[0])[0]
    told = {name: 1000 * seconds / frames for name, seconds in bare.items()}
    total = sum(told.values())
    return {
        **told,
        "bare parts together": total,
        "bare parts, processor time": 1000 * bare_spent,
        "pipeline, processor time": 1000 * spent,
        "pipeline over bare parts": spent / bare_spent,
        **{f"stage {name}": value for name, value in laps.milliseconds.items()},
        "faces read anew, a frame": counting.crops / frames,
        "frames a second, threads": threads.fps,
        "of one over the slowest stage": threads.fps * max(laps.milliseconds.values()) / 1000,
    }


def _open(config: Config, frames: int) -> tuple[PipelineComponents, Counting]:
    counting = Counting(open_classifier(config.classifier))
    parts = replace(
        build_components(BuildContext(config), count(1)), source=Reel(CLIP, frames), live=False
    )
    fit_of = parts.analysis.follower.crop_fit
    expressions = ExpressionAnalyzer(
        counting, fit_of, config.smoothing, config.quality, config.classifier.min_confidence
    )
    return replace(parts, analysis=replace(parts.analysis, expressions=expressions)), counting


class Bare:
    """The bare parts, loaded.

    Args:
        folder: where the events lie.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._detector = TFLiteModel(Size.LARGE.file, Runtime.LITERT)
        self._classifier = TFLiteModel(find_model(Path(DEFAULT_MODEL)), Runtime.LITERT)
        side = load_detector_card(Size.LARGE.file).input.shape
        self._small, self._crop = np.zeros(side, np.uint8), np.zeros((SIDE, SIDE), np.uint8)

    def run(self, frames: int, reads: int) -> dict[str, float]:
        """Return the seconds that each part takes for so many frames, of which `reads` are read."""
        crop = self._crop.reshape(1, SIDE, SIDE, 1)
        steps: dict[str, Callable[[Image], object]] = {
            "drawn into the detector's input": lambda image: letterbox(image, self._small),
            "detector's network": lambda _: self._detector.invoke(self._small[None].view(np.int8)),
            "face cut out and made small": lambda image: _cut(image, self._crop),
            "classifier's network": lambda _: self._classifier.invoke(crop),
        }
        took = dict.fromkeys(("decoded", *steps), 0.0)
        capture = cv2.VideoCapture(str(CLIP), cv2.CAP_FFMPEG)
        for number in range(frames):
            began = time.perf_counter()
            image = np.asarray(capture.read()[1], np.uint8)
            took["decoded"] += time.perf_counter() - began
            for name, step in steps.items():
                if name.startswith("classifier") and number >= reads:
                    continue
                began = time.perf_counter()
                step(image)
                took[name] += time.perf_counter() - began
        return {**took, "events encoded and written": _events(self._folder)}


def _cut(image: Image, crop: GrayImage) -> None:
    grey = cv2.cvtColor(image[100:356, 200:456], cv2.COLOR_BGR2GRAY)
    cv2.resize(grey, (SIDE, SIDE), dst=crop, interpolation=cv2.INTER_LINEAR)


def _events(folder: Path) -> float:
    """Return the seconds that the events of the pass just before take alone."""
    events: list[EmotionEvent] = [
        decode_event(line) for line in (folder / "events.jsonl").read_bytes().splitlines()
    ]
    (folder / "events.jsonl").unlink()
    began = time.perf_counter()
    for event in events:
        with open(folder / "bare.jsonl", "ab", buffering=0) as file:
            file.write(encode_event(event) + b"\n")
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
