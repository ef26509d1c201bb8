"""One detector, and all that comes behind it, at work on one file."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from edge.config import Config
from edge.detect import open_detector
from edge.infer.classifier import open_classifier
from edge.infer.expression_analyzer import ExpressionAnalyzer
from edge.track import DetectionScheduler
from edge.types import Expression, Face, Frame, Track
from tools.tracking_eval.clips import Reel

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen in one frame, and at what cost.

    Attributes:
        faces: what the detector alone found.
        tracks: whom following knew of.
        expressions: what was told of them.
        detect_ms, follow_ms: of the detector alone and of the whole of following.
    """

    timestamp: float
    faces: tuple[Face, ...] = ()
    tracks: tuple[Track, ...] = ()
    expressions: tuple[Expression, ...] = ()
    detect_ms: float = 0.0
    follow_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Watched:
    """One file as one detector saw it.

    Attributes:
        width: of the frames, in pixels.
        sights: one a frame.
        detections: frames in which following ran its detector.
        min_hits, min_age_s: detections and seconds before a track is believed; 1 and 0 for a photo.
    """

    reel: Reel
    width: int
    sights: tuple[Sight, ...]
    detections: int
    min_hits: int
    min_age_s: float


class Watcher:
    """Looks at files as the daemon would with one config.

    The detector that is looked at alone is another object than the one that following uses, and
    both see each frame in turn, so that a busy machine is busy for both.

    Args:
        config: its source and sinks are not used.
        alone: whether the detector alone looks too; else it finds nothing, at no cost.

    Raises:
        ConfigError: the detector or the classifier cannot be used.
        ModelError: the same.
    """

    def __init__(self, config: Config, alone: bool = True) -> None:
        self.config = config
        self._alone = open_detector(config.detector) if alone else None
        self._followed = open_detector(config.detector)
        self._classifier = open_classifier(config.classifier)

    def watch(self, reel: Reel) -> Watched:
        """Look at all of `reel`.

        Raises:
            InputError: it cannot be read.
        """
        follower, expressions = self._follower(), self._expressions()
        sights: list[Sight] = []
        width, still = 0, False
        for frame in reel.frames():
            if not sights:
                self._warm_up(frame)
            width, still = frame.size[0], frame.still
            sights.append(self._see(frame, follower, expressions))
        tracker = self.config.tracker
        belief = (1, 0.0) if still else (tracker.min_hits, tracker.min_age_s)
        return Watched(reel, width, tuple(sights), follower.detections, *belief)

    def _see(
        self, frame: Frame, follower: DetectionScheduler, expressions: ExpressionAnalyzer
    ) -> Sight:
        faces, detect_ms = _timed(lambda: self._detect(frame))
        tracked, follow_ms = _timed(lambda: follower.update(frame))
        told = expressions.update(tracked)
        return Sight(
            frame.timestamp, tuple(faces), tracked.tracks, tuple(told), detect_ms, follow_ms
        )

    def _warm_up(self, frame: Frame) -> None:
        """Let everything meet this size of frame before it is timed."""
        self._detect(frame)
        self._follower().update(frame)

    def _detect(self, frame: Frame) -> list[Face]:
        return self._alone.detect(frame.image) if self._alone else []

    def _follower(self) -> DetectionScheduler:
        return DetectionScheduler(
            self._followed, self.config.tracker, self.config.detect, live=False
        )

    def _expressions(self) -> ExpressionAnalyzer:
        fit = self._followed.crop_fit
        config = self.config
        return ExpressionAnalyzer(
            self._classifier,
            fit,
            config.smoothing,
            config.quality,
            config.classifier.min_confidence,
        )


def _timed(step: Callable[[], Result]) -> tuple[Result, float]:
    """Return what `step` gives, and the milliseconds of processor it took this thread."""
    started = time.thread_time()
    result = step()
    return result, 1000 * (time.thread_time() - started)
