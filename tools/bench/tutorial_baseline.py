"""The loop of the projects that emotiond began from, as its speed's reference.

On every picture: OpenCV's default Haar cascade on the whole grey frame (scale 1.3, five
neighbours), `model.predict` for each face, a rectangle and a label drawn, a JPEG written for the
page. The network is this project's own shallow one, with weights as they begin: they cost the same.
OpenCV and TensorFlow use as many threads as they like, as they do there.
"""

import time

import cv2
import numpy as np

from converter.datasets import EXPRESSIONS, SIDE
from converter.networks.classifiers import Model, shallow
from edge.bench.pipeline_bench import WARM_UP, Laps
from edge.bench.reel import Reel
from edge.bench.reference import NEIGHBORS, SCALE
from edge.bench.timing import timing
from edge.bench.worker_protocol import PlainAnswer, PlainTask
from edge.capture.source import frames
from edge.detect.haar import Cascade
from edge.system_stats import rss_bytes
from edge.types import Image

GREEN = (0, 255, 0)


def run_plain(task: PlainTask) -> PlainAnswer:
    """Send the film of `task` through the loop."""
    loop, laps = PlainLoop(), Laps()
    began = time.perf_counter()
    for frame in frames(Reel(task.film, WARM_UP + task.frames)):
        times = [began, time.perf_counter()]
        faces = loop.step(frame.image.copy(), times)
        if frame.index >= WARM_UP:
            laps.stages.append(tuple(np.diff(times).tolist()))
            laps.faces += faces
        began = time.perf_counter()
    return PlainAnswer(
        fps=laps.fps,
        stages=laps.milliseconds,
        frame=timing(laps.frames),
        faces=laps.faces / task.frames,
        memory=rss_bytes() / 1e6,
    )


class PlainLoop:
    """Detects, predicts and draws, as tutorials do."""

    def __init__(self) -> None:
        self._cascade = cv2.CascadeClassifier(str(Cascade.DEFAULT.file))
        self._model: Model = shallow(len(EXPRESSIONS))

    def step(self, image: Image, times: list[float]) -> int:
        """Treat one picture, drawing on it; note when each part was over; return the faces."""
        grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
        boxes = self._cascade.detectMultiScale(grey, SCALE, NEIGHBORS)
        times.append(time.perf_counter())
        names = [self._predict(grey[y : y + h, x : x + w]) for x, y, w, h in boxes]
        times.append(time.perf_counter())
        for name, (x, y, w, h) in zip(names, boxes, strict=True):
            cv2.rectangle(image, (x, y), (x + w, y + h), GREEN, 2)
            cv2.putText(image, name, (x, y - 10), cv2.FONT_HERSHEY_SIMPLEX, 1, GREEN, 2)
        cv2.imencode(".jpg", image)
        times.append(time.perf_counter())
        return len(boxes)

    def _predict(self, face: Image) -> str:
        crop = cv2.resize(face, (SIDE, SIDE)).reshape(1, SIDE, SIDE, 1)
        answer = self._model.predict(np.asarray(crop, np.float32), verbose=0)
        return str(EXPRESSIONS[int(np.argmax(answer["logits"]))])
