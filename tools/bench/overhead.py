"""`python -m tools.bench.overhead`: cost of the pipeline beyond a minimal loop.

The minimal loop does what any program must do to name the expression in a frame: decode it, scale
it into the detector's input, run that network and the refiner's, crop and scale the face, run that
network, encode and write an event. It does so on the same frames, and as often, as the pipeline
did. Each round measures both, in turns.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.bench.model_bench import DEFAULT_MODEL
from edge.bench.pipeline_bench import (
    bench_config,
    detector_settings,
    open_components,
    run_sequential,
    run_threads,
    stage_milliseconds,
)
from edge.commands.demo import CLIP
from edge.config import Config
from edge.detect.builtin import letterbox
from edge.infer.classifier import ClassifierOutput, TFLiteClassifier, open_classifier
from edge.infer.face_analyzer import ExpressionAnalyzer
from edge.model_card import DetectorCard, load_card
from edge.paths import asset, find_model
from edge.pipeline.build import PipelineComponents
from edge.publish.events import decode_event, encode_event
from edge.tflite import Runtime, TFLiteModel
from edge.types import EmotionEvent, GrayImage, Image

SIDE = 48
"""Pixels along each side of the refiner's and the classifier's input."""

REFINER = asset("models") / "refiners" / "refiner-48.tflite"


class CountingClassifier(TFLiteClassifier):
    """Classifier that counts its crops."""

    def __init__(self, classifier: TFLiteClassifier) -> None:
        self.card = classifier.card
        self.crops = 0
        self._classifier = classifier

    def classify(self, crops: Sequence[GrayImage], mirror: bool = False) -> ClassifierOutput:
        """Return the classifier's output for each of the crops."""
        self.crops += len(crops)
        return self._classifier.classify(crops, mirror)


class MinimalLoop:
    """The steps that no program can do without, with their networks loaded."""

    def __init__(self) -> None:
        model = asset("models") / "detectors" / "face-320x240.tflite"
        self._detector = TFLiteModel(model, Runtime.LITERT)
        self._refiner = TFLiteModel(REFINER, Runtime.LITERT)
        self._classifier = TFLiteModel(find_model(Path(DEFAULT_MODEL)), Runtime.LITERT)
        shape = load_card(model, DetectorCard).input.shape
        self._scaled, self._crop = np.zeros(shape, np.uint8), np.zeros((SIDE, SIDE), np.uint8)

    def run(self, frames: int, classified: int) -> dict[str, float]:
        """Return the seconds that each step takes for so many frames, the first ones classified."""
        crop = self._crop.reshape(1, SIDE, SIDE, 1)
        steps: dict[str, Callable[[Image], object]] = {
            "scale into the detector's input": lambda image: letterbox(image, self._scaled),
            "detector network": lambda _: self._detector.invoke(self._scaled[None].view(np.int8)),
            "refiner network": lambda image: self._refiner.invoke(_refined(image)),
            "crop and scale the face": self._crop_face,
            "classifier network": lambda _: self._classifier.invoke(crop),
        }
        seconds = dict.fromkeys(("decode", *steps), 0.0)
        capture = cv2.VideoCapture(str(CLIP), cv2.CAP_FFMPEG)
        for number in range(frames):
            started = time.perf_counter()
            image = np.asarray(capture.read()[1], np.uint8)
            seconds["decode"] += time.perf_counter() - started
            for name, step in steps.items():
                if name == "classifier network" and number >= classified:
                    continue
                started = time.perf_counter()
                step(image)
                seconds[name] += time.perf_counter() - started
        return seconds

    def _crop_face(self, image: Image) -> None:
        gray = cv2.cvtColor(image[100:356, 200:456], cv2.COLOR_BGR2GRAY)
        cv2.resize(gray, (SIDE, SIDE), dst=self._crop, interpolation=cv2.INTER_LINEAR)


def _refined(image: Image) -> NDArray[np.int8]:
    """Return what the refiner is given of the face: it is cut out and made small."""
    small = cv2.resize(image[80:400, 160:480], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)[None].view(np.int8)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=475)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as name:
        rounds = [_round(Path(name), options.frames) for _ in range(options.rounds)]
    for figure in rounds[0]:
        values = [one[figure] for one in rounds]
        print(f"{figure:34}{median(values):8.3f}   ({min(values):.3f} to {max(values):.3f})")


def _round(folder: Path, frames: int) -> dict[str, float]:
    """Return the milliseconds a frame of the loop and of the pipeline, and ratios of them."""
    settings = detector_settings()["builtin"]
    config = bench_config(settings, find_model(Path(DEFAULT_MODEL)), folder)
    components, counting = _open(config, frames)
    loop = MinimalLoop()
    started = time.process_time()
    stages = stage_milliseconds(run_sequential(components)[0])
    pipeline_cpu = (time.process_time() - started) / frames
    started = time.process_time()
    steps = loop.run(frames, counting.crops)
    steps["encode and write events"] = _write_events(folder)
    loop_cpu = (time.process_time() - started) / frames
    threads_fps = run_threads(_open(config, frames)[0])
    milliseconds = {name: 1000 * seconds / frames for name, seconds in steps.items()}
    return {
        **milliseconds,
        "minimal loop": sum(milliseconds.values()),
        "minimal loop, CPU time": 1000 * loop_cpu,
        "pipeline, CPU time": 1000 * pipeline_cpu,
        "pipeline over minimal loop": pipeline_cpu / loop_cpu,
        **{f"stage {name}": value for name, value in stages.items()},
        "faces classified, a frame": counting.crops / frames,
        "frames a second, threads": threads_fps,
        "of one over the slowest stage": threads_fps * max(stages.values()) / 1000,
    }


def _open(config: Config, frames: int) -> tuple[PipelineComponents, CountingClassifier]:
    counting = CountingClassifier(open_classifier(config.classifier))
    components = open_components(config, CLIP, frames)
    processing = components.processing
    analyzer = ExpressionAnalyzer(
        counting,
        processing.scheduler.crop_fit,
        config.quality,
        config.smoothing,
        config.classifier.min_confidence,
    )
    return replace(components, processing=replace(processing, analyzer=analyzer)), counting


def _write_events(folder: Path) -> float:
    """Return the seconds that it takes to write the events of the pipeline's run again."""
    path = folder / "events.jsonl"
    lines = path.read_bytes().splitlines() if path.exists() else []
    events: list[EmotionEvent] = [decode_event(line) for line in lines]
    path.unlink(missing_ok=True)
    started = time.perf_counter()
    for event in events:
        with open(folder / "minimal.jsonl", "ab", buffering=0) as file:
            file.write(encode_event(event) + b"\n")
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
