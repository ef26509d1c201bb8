"""`python -m tools.bench.instruction_marks`: every stage under an instruction counter.

Each part is done again and again between two marks, `os.access("", 0x5e000000 + number)`: a system
call that a counting emulator sees and that does nothing anywhere. What the numbers stand for is
printed as JSON, with how often each part was done; `tests/arm64` puts both together.
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import cv2
import msgspec

from edge.bench.clips import NOBODY, ONE_FACE, film_of
from edge.bench.contest import DEFAULT_MODEL, DETECTORS
from edge.bench.pipeline_bench import EVERY_FRAME
from edge.bench.reel import Reel
from edge.bench.worker_protocol import Settings
from edge.capture.source import frames
from edge.config import parse_config
from edge.detect import Detector, open_detector
from edge.errors import ConfigError
from edge.infer.classifier import ClassifierSettings, ModelPath, open_classifier
from edge.infer.face_analyzer import FaceAnalyzer
from edge.infer.quality import QualitySettings
from edge.paths import asset, find_model
from edge.pipeline.processing import ProcessingComponents, build_processing
from edge.publish.payload import encode_event
from edge.types import Face, Frame

MARK = 0x5E000000

FRAMES = 24
"""Of each part; the clip's 25 a second make that one second of film."""

UNCOUNTED = 4
"""Before each part, so that what is done once is done."""


@dataclass(frozen=True, slots=True)
class Part:
    """Something that is done for a frame.

    Attributes:
        kind: decode, detector, model or frame.
        name: of it.
        step: does it for one frame.
    """

    kind: str
    name: str
    step: Callable[[Frame], object]


def main() -> None:
    """Do every part, and print what the marks stand for."""
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as name:
        film, quiet = film_of(ONE_FACE, Path(name)), film_of(NOBODY, Path(name))
        marks = [_count_decoding(film, 1)]
        shown = list(frames(Reel(film, UNCOUNTED + FRAMES)))
        calm = list(frames(Reel(quiet, UNCOUNTED + FRAMES)))
    for number, part in enumerate(_parts(), start=2):
        marks.append(_count(part, calm if "nobody" in part.name else shown, number))
    print(msgspec.json.encode(marks).decode(), flush=True)


def _parts() -> Iterator[Part]:
    yield from _detectors()
    for path in sorted(asset("models").glob("*.tflite")):
        yield _model(path)
    yield Part("frame", "default detector on every frame", _analysed(EVERY_FRAME))
    yield Part("frame", "adaptive detection", _analysed({}))
    yield Part("frame", "adaptive detection, nobody", _analysed({}))


def _count_decoding(film: Path, number: int) -> dict[str, object]:
    source = Reel(film, UNCOUNTED + FRAMES)
    for _ in range(UNCOUNTED):
        source.read()
    _mark(0)
    for _ in range(FRAMES):
        source.read()
    _mark(number)
    return {"mark": number, "kind": "decode", "name": "decode", "times": FRAMES}


def _count(part: Part, shown: list[Frame], number: int) -> dict[str, object]:
    for frame in shown[:UNCOUNTED]:
        part.step(frame)
    _mark(0)
    for frame in shown[UNCOUNTED:]:
        part.step(frame)
    _mark(number)
    return {"mark": number, "kind": part.kind, "name": part.name, "times": FRAMES}


def _mark(number: int) -> None:
    os.access("", MARK + number)


def _detectors() -> Iterator[Part]:
    for name, settings in DETECTORS.items():
        with suppress(ConfigError):  # its file was not fetched
            detector = _open(settings)
            yield Part("detector", name, _detecting(detector))


def _open(settings: Settings) -> Detector:
    """Open a detector by its settings.

    Raises:
        ConfigError: it needs a file or package that is not there.
    """
    return open_detector(parse_config({"detector": dict(settings)}, Path("bench")).detector)


def _detecting(detector: Detector) -> Callable[[Frame], object]:
    return lambda frame: detector.detect(frame.image)


def _model(path: Path) -> Part:
    """Return what is done with one face: cut out, classified, judged."""
    classifier = open_classifier(ClassifierSettings(ModelPath(path)))
    detector = _open(DETECTORS["emotiond"])
    looker = FaceAnalyzer(classifier, detector.crop_fit, QualitySettings())
    found: list[Face] = []

    def look(frame: Frame) -> object:
        if not found:  # the same face each time: only the reading is counted
            found.append(detector.detect(frame.image)[0])
        return looker.look(frame.image, found)

    return Part("model", path.stem, look)


def _analysed(settings: dict[str, object]) -> Callable[[Frame], object]:
    """Return all that happens to a frame once it is decoded."""
    model = str(find_model(Path(DEFAULT_MODEL)))
    config = parse_config(
        {
            "source": {"kind": "video", "path": "clip.mp4"},  # no budget: emulated time is none
            "detect": settings,
            "classifier": {"model": model},
        },
        Path("bench.yaml"),
    )
    return _analysing(build_processing(config, count(1)))


def _analysing(analysis: ProcessingComponents) -> Callable[[Frame], object]:
    def step(frame: Frame) -> object:
        expressions = analysis.expressions.update(analysis.follower.update(frame))
        return [encode_event(event) for event in analysis.life.update(frame, expressions)]

    return step


if __name__ == "__main__":
    main()
