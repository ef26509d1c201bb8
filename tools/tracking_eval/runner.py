"""Clip runner: one detector, and everything after it, on one clip."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from edge.config import Config
from edge.detect import open_detector
from edge.infer.classifier import open_classifier
from edge.infer.face_analyzer import ExpressionAnalyzer
from edge.track.scheduler import DetectionScheduler
from edge.types import Expression, Face, Frame, Track
from tools.tracking_eval.clips import LabeledClip

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class FrameResult:
    """Faces, tracks and expressions of one frame, and their cost.

    Attributes:
        faces: found by the detector alone.
        tracks: of the scheduler, which detects or tracks.
        expressions: published for the tracks.
        detect_ms, track_ms: CPU time of the detector alone and of the scheduler.
    """

    timestamp: float
    faces: tuple[Face, ...] = ()
    tracks: tuple[Track, ...] = ()
    expressions: tuple[Expression, ...] = ()
    detect_ms: float = 0.0
    track_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class ClipResult:
    """One clip as one detector saw it.

    Attributes:
        width: of the frames in pixels.
        frames: one result each.
        detections: frames in which the scheduler ran its detector.
        min_hits, min_age_s: detections and seconds until a track is confirmed; 1 and 0 in an image.
    """

    clip: LabeledClip
    width: int
    frames: tuple[FrameResult, ...]
    detections: int
    min_hits: int
    min_age_s: float


class ClipRunner:
    """Analysis of clips as the daemon does it with one config.

    The detector that is measured alone is another object than the scheduler's. Both see each frame
    in turn, so that a busy machine is busy for both.

    Args:
        config: its source and sinks are not used.
        alone: whether the detector is measured alone too; else it finds nothing, at no cost.

    Raises:
        ConfigError, ModelError: the detector or the classifier cannot be used.
    """

    def __init__(self, config: Config, alone: bool = True) -> None:
        self.config = config
        self._alone = open_detector(config.detector) if alone else None
        self._detector = open_detector(config.detector)
        self._classifier = open_classifier(config.classifier)

    def run(self, clip: LabeledClip) -> ClipResult:
        """Analyze every frame of `clip`.

        Raises:
            InputError: it cannot be read.
        """
        config = self.config
        scheduler = self._scheduler()
        analyzer = ExpressionAnalyzer(
            self._classifier,
            self._detector.crop_fit,
            config.quality,
            config.smoothing,
            config.classifier.min_confidence,
        )
        results: list[FrameResult] = []
        width, still = 0, False
        for frame in clip.frames():
            if not results:  # everything meets this size of frame before it is timed
                self._detect(frame)
                self._scheduler().update(frame)
            width, still = frame.size[0], frame.still
            results.append(self._analyze(frame, scheduler, analyzer))
        tracker = config.tracker
        confirmation = (1, 0.0) if still else (tracker.min_hits, tracker.min_age_s)
        return ClipResult(clip, width, tuple(results), scheduler.detections, *confirmation)

    def _analyze(
        self, frame: Frame, scheduler: DetectionScheduler, analyzer: ExpressionAnalyzer
    ) -> FrameResult:
        faces, detect_ms = _timed(lambda: self._detect(frame))
        tracked, track_ms = _timed(lambda: scheduler.update(frame))
        expressions = tuple(analyzer.update(tracked))
        return FrameResult(
            frame.timestamp, tuple(faces), tracked.tracks, expressions, detect_ms, track_ms
        )

    def _detect(self, frame: Frame) -> list[Face]:
        return self._alone.detect(frame.image) if self._alone else []

    def _scheduler(self) -> DetectionScheduler:
        return DetectionScheduler(
            self._detector, self.config.tracker, self.config.scheduler, live=False
        )


def _timed(step: Callable[[], Result]) -> tuple[Result, float]:
    """Return what `step` returns, and the milliseconds of CPU time it took this thread."""
    started = time.thread_time()
    result = step()
    return result, 1000 * (time.thread_time() - started)
