"""`python tools/bench/instruction_marks.py`: every stage, between marks for a counting emulator.

Each part runs a number of times between two calls of `os.access("", 0x5e000000 + number)`, a system
call that does nothing. JSON on standard output says what each number stands for, and how often the
part ran. `tests/arm64` runs this file where only the wheel is installed, and adds the counts.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import cv2
import msgspec

from edge.bench.clips import NOBODY, ONE_FACE, clip_of
from edge.bench.model_bench import DEFAULT_MODEL
from edge.bench.pipeline_bench import EVERY_FRAME, detector_settings
from edge.capture.source import Source, iter_frames
from edge.commands.demo import LoopedVideo
from edge.config import parse_config
from edge.detect import open_detector
from edge.detect.detector import Detector
from edge.errors import ConfigError
from edge.infer.classifier import ClassifierSettings, ModelPath, open_classifier
from edge.infer.crop import QualitySettings
from edge.infer.face_analyzer import FaceAnalyzer
from edge.paths import asset, find_model
from edge.pipeline.processing import build_processing
from edge.publish.events import encode_event
from edge.types import Face, Frame

MARK = 0x5E000000

FRAMES = 24
"""Frames of each part: about one second of the built-in clip."""

WARM_UP_FRAMES = 4
"""Frames before them, so that what happens once has happened."""


@dataclass(frozen=True, slots=True)
class Part:
    """Work that is done for a frame.

    Attributes:
        kind: decode, detector, model or frame.
        name: of it.
        frames: what it is done with.
        process: does it for one frame.
    """

    kind: str
    name: str
    frames: Sequence[Frame]
    process: Callable[[Frame], object]


def main() -> None:
    """Run every part and print what the marks stand for."""
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as name:
        video, empty = clip_of(ONE_FACE, Path(name)), clip_of(NOBODY, Path(name))
        faces, nobody = (list(iter_frames(_looped(path))) for path in (video, empty))
    source = _looped(video)
    parts = [Part("decode", "decode", faces, lambda _: source.read()), *_parts(faces, nobody)]
    marks = [_count(part, number) for number, part in enumerate(parts, start=1)]
    print(msgspec.json.encode(marks).decode(), flush=True)


def _looped(video: Path) -> Source:
    return LoopedVideo(video, realtime=False, max_frames=WARM_UP_FRAMES + FRAMES).open()


def _count(part: Part, number: int) -> dict[str, object]:
    for frame in part.frames[:WARM_UP_FRAMES]:
        part.process(frame)
    os.access("", MARK)
    for frame in part.frames[WARM_UP_FRAMES:]:
        part.process(frame)
    os.access("", MARK + number)
    return {"mark": number, "kind": part.kind, "name": part.name, "times": FRAMES}


def _parts(faces: Sequence[Frame], nobody: Sequence[Frame]) -> Iterator[Part]:
    for name, settings in detector_settings().items():
        with suppress(ConfigError):  # its file was not fetched
            yield Part("detector", name, faces, _detect(_open(settings)))
    for path in sorted(asset("models").glob("*.tflite")):
        yield Part("model", path.stem, faces, _classify(path))
    yield Part("frame", "default detector on every frame", faces, _analyze(EVERY_FRAME))
    yield Part("frame", "adaptive detection", faces, _analyze({}))
    yield Part("frame", "adaptive detection, nobody", nobody, _analyze({}))


def _open(settings: dict[str, str]) -> Detector:
    return open_detector(parse_config({"detector": settings}, Path("bench")).detector)


def _detect(detector: Detector) -> Callable[[Frame], object]:
    return lambda frame: detector.detect(frame.image)


def _classify(model: Path) -> Callable[[Frame], object]:
    """Return what is done with one face: cropped, classified, its quality measured."""
    detector = _open(detector_settings()["builtin"])
    classifier = open_classifier(ClassifierSettings(ModelPath(model)))
    analyzer = FaceAnalyzer(classifier, detector.crop_fit, QualitySettings())
    found: list[Face] = []

    def process(frame: Frame) -> object:
        if not found:  # the same face each time: only the classification is counted
            found.append(detector.detect(frame.image)[0])
        return analyzer.analyze(frame.image, found[0])

    return process


def _analyze(scheduler: dict[str, object]) -> Callable[[Frame], object]:
    """Return all that happens to a frame once it is decoded."""
    settings = {
        "source": {"kind": "video", "path": "clip.mp4"},  # no budget: emulated time says nothing
        "scheduler": scheduler,
        "classifier": {"model": str(find_model(Path(DEFAULT_MODEL)))},
    }
    processing = build_processing(parse_config(settings, Path("bench.yaml")), count(1))

    def process(frame: Frame) -> object:
        expressions = processing.analyzer.update(processing.scheduler.update(frame))
        return [encode_event(event) for event in processing.events.update(frame, expressions)]

    return process


if __name__ == "__main__":
    main()
