"""Tutorial loop: what the student projects do that emotiond began from, and its measurement.

On every frame it runs OpenCV's default Haar cascade on the whole gray image (scale 1.3, five
neighbors), `model.predict` for each face, draws a rectangle and a label, and writes a JPEG for the
page. The network is this project's own shallow one, untrained: that costs the same. OpenCV and
TensorFlow use as many threads as they like, as they do there.
"""

import os
import time

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.data import EXPRESSIONS, SIDE
from edge.bench.measurement import NEIGHBORS, SCALE
from edge.bench.pipeline_bench import WARM_UP_FRAMES, stage_milliseconds
from edge.capture.source import iter_frames
from edge.commands.demo import CLIP, LoopedVideo
from edge.detect.haar import cascade_file
from edge.types import Image

GREEN = (0, 255, 0)


class BaselineResult(msgspec.Struct, frozen=True):
    """Frames a second, milliseconds a frame of each stage, and faces a frame of the loop."""

    fps: float
    stages: dict[str, float]
    faces: float


def measure_baseline(frames: int) -> BaselineResult:
    """Send so many frames of the built-in clip through the loop."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    loop, faces = TutorialLoop(), 0
    seconds: list[NDArray[np.float64]] = []
    started = time.perf_counter()
    clip = LoopedVideo(CLIP, realtime=False, max_frames=WARM_UP_FRAMES + frames)
    for frame in iter_frames(clip.open()):
        times = [started, time.perf_counter()]
        found = loop.process(frame.image.copy(), times)
        if frame.index >= WARM_UP_FRAMES:
            seconds.append(np.diff(times))
            faces += found
        started = time.perf_counter()
    measured = np.array(seconds)
    return BaselineResult(frames / measured.sum(), stage_milliseconds(measured), faces / frames)


class TutorialLoop:
    """Detects, predicts and draws, as tutorials do."""

    def __init__(self) -> None:
        from converter.models import Model, plain

        self._cascade = cv2.CascadeClassifier(cascade_file("default"))
        self._model: Model = plain("shallow", len(EXPRESSIONS))

    def process(self, image: Image, times: list[float]) -> int:
        """Process one image, drawing on it; append the time after each stage; return the faces."""
        gray = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
        boxes = self._cascade.detectMultiScale(gray, SCALE, NEIGHBORS)
        times.append(time.perf_counter())
        labels = [self._predict(gray[y : y + h, x : x + w]) for x, y, w, h in boxes]
        times.append(time.perf_counter())
        for label, (x, y, w, h) in zip(labels, boxes, strict=True):
            cv2.rectangle(image, (x, y), (x + w, y + h), GREEN, 2)
            cv2.putText(image, label, (x, y - 10), cv2.FONT_HERSHEY_SIMPLEX, 1, GREEN, 2)
        cv2.imencode(".jpg", image)
        times.append(time.perf_counter())
        return len(boxes)

    def _predict(self, face: Image) -> str:
        crop = cv2.resize(face, (SIDE, SIDE)).reshape(1, SIDE, SIDE, 1)
        output = self._model.predict(np.asarray(crop, np.float32), verbose=0)
        return str(EXPRESSIONS[int(np.argmax(output["logits"]))])
