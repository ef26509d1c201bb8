"""Processing of a frame: faces found, followed and classified; in a stream, or in one image."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count

from edge.capture.video import VideoSettings
from edge.config import Config
from edge.detect import open_detector
from edge.infer.classifier import open_classifier
from edge.infer.face_analyzer import ExpressionAnalyzer
from edge.publish.events import EventGenerator
from edge.track import DetectionScheduler
from edge.types import AnalyzedFrame, Expression, Frame, Image

SCHEDULER_SECTIONS = ("source", "detector", "detect", "tracker")
ANALYZER_SECTIONS = ("classifier", "quality", "smoothing")
"""Sections of the config that the scheduler and the analyzer are built from."""


@dataclass(frozen=True, slots=True)
class ProcessingComponents:
    """What happens to a frame, in this order.

    Attributes:
        scheduler: frames to tracks.
        analyzer: tracks to expressions.
        events: expressions to events.
    """

    scheduler: DetectionScheduler
    analyzer: ExpressionAnalyzer
    events: EventGenerator


def build_processing(config: Config, track_ids: Iterator[int]) -> ProcessingComponents:
    """Load what `config` names for finding faces and reading their expressions.

    Args:
        config: names it.
        track_ids: gives the id of each new track.

    Raises:
        ConfigError: a file or package that the config needs cannot be used.
        ModelError: a model cannot be used.
    """
    detector, live = open_detector(config.detector), config.source.is_live
    scheduler = DetectionScheduler(detector, config.tracker, config.scheduler, live, track_ids)
    return _with_analyzer(scheduler, config)


def rebuild_processing(
    present: ProcessingComponents, old: Config, new: Config, track_ids: Iterator[int]
) -> ProcessingComponents:
    """Build the processing of a new config; what the change does not concern is kept.

    Args:
        present: that of the old config.
        old: the config it was built from.
        new: the config wanted. Another source has faces, and a clock, of its own.
        track_ids: gives the id of each new track.

    Raises:
        ConfigError, ModelError: as `build_processing`.
    """
    sections = changed_sections(old, new)
    if any(name in SCHEDULER_SECTIONS for name in sections):
        return build_processing(new, track_ids)
    if any(name in ANALYZER_SECTIONS for name in sections):
        return _with_analyzer(present.scheduler, new)
    return present


def changed_sections(old: Config, new: Config) -> tuple[str, ...]:
    """Return the sections in which two configs differ, in the config's order."""
    names = new.__struct_fields__
    return tuple(name for name in names if getattr(old, name, None) != getattr(new, name))


def analyze_image(processing: ProcessingComponents, image: Image) -> AnalyzedFrame:
    """Find and classify the faces of an image that stands alone.

    Args:
        processing: does it; nothing of an earlier image is continued.
        image: BGR uint8 (height, width, 3).

    Returns:
        The image with its faces from left to right, numbered from 1.
    """
    now = time.monotonic()
    tracked = processing.scheduler.update(Frame(image, 0, now, captured=now, still=True))
    faces = sorted(processing.analyzer.update(tracked), key=lambda face: face.box.x1)
    return AnalyzedFrame(tracked, _numbered(faces), datetime.now(UTC))


class ImageAnalyzer:
    """Analyzes images as the daemon is configured at the moment; any thread may call it.

    Args:
        present_config: returns the daemon's config.
    """

    def __init__(self, present_config: Callable[[], Config]) -> None:
        self._present_config = present_config
        self._lock = threading.Lock()
        self._built: tuple[Config, ProcessingComponents] | None = None

    def analyze(self, image: Image) -> AnalyzedFrame:
        """Find and classify the faces of an image, as `analyze_image` does.

        Raises:
            ConfigError, ModelError: something that the config names can no longer be used.
        """
        with self._lock:
            config = self._present_config()
            if self._built is None:
                processing = build_processing(config, count(1))
            else:
                processing = rebuild_processing(self._built[1], self._built[0], config, count(1))
            self._built = config, processing
            return analyze_image(processing, image)


def _with_analyzer(scheduler: DetectionScheduler, config: Config) -> ProcessingComponents:
    classifier = open_classifier(config.classifier)
    analyzer = ExpressionAnalyzer(classifier, scheduler.crop_fit, config)
    card, is_file = classifier.card, isinstance(config.source, VideoSettings)
    events = EventGenerator(card.name, scheduler.detector, card.labels, is_file)
    return ProcessingComponents(scheduler, analyzer, events)


def _numbered(faces: Iterable[Expression]) -> tuple[Expression, ...]:
    """Count the faces of one image from 1: none continues one of another."""
    return tuple(
        replace(face, track=replace(face.track, track_id=number))
        for number, face in enumerate(faces, start=1)
    )
