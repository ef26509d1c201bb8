"""Processing of a frame, built from a config: tracks, expressions, events."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count

import msgspec

from edge.capture.video import VideoSettings
from edge.config import Config, changed_sections
from edge.detect import open_detector
from edge.infer.classifier import classifier_digest, open_classifier
from edge.infer.crop import crop_largest
from edge.infer.face_analyzer import ExpressionAnalyzer
from edge.publish.events import EventGenerator
from edge.tflite import opened_with
from edge.track.scheduler import DetectionScheduler
from edge.types import AnalyzedFrame, Frame, GrayImage, Image

SCHEDULER_SECTIONS = frozenset({"source", "detector", "scheduler", "tracker", "ignore", "runtime"})
ANALYZER_SECTIONS = frozenset({"classifier", "quality", "smoothing", "zones", "runtime"})
"""Sections of the config that scheduler and analyzer are built from."""


@dataclass(frozen=True, slots=True)
class ProcessingComponents:
    """Steps of a frame's processing, in this order: tracks, expressions, events."""

    scheduler: DetectionScheduler
    analyzer: ExpressionAnalyzer
    events: EventGenerator
    config: Config | None = None  # that they were built from
    digest: str = ""  # of the files that the analyzer was made of


def build_processing(
    config: Config,
    track_ids: Iterator[int],
    present: ProcessingComponents | None = None,
    run: str = "",
) -> ProcessingComponents:
    """Load what `config` names for finding faces and reading their expressions.

    `track_ids` gives the id of each new track. Of the `present` ones those are kept whose settings
    stay the same, and their files' content. The events carry the `run`, by default that of the
    present ones, or a new one. A ConfigError or ModelError says what cannot be used.
    """
    old, known = (present.config, present.digest) if present is not None else (None, None)
    sections = set(changed_sections(old, config, known))
    if present is not None and not (SCHEDULER_SECTIONS | ANALYZER_SECTIONS) & sections:
        return present
    digest = classifier_digest(config.classifier)  # first: a later change is seen at a reload
    with opened_with(config.runtime):
        classifier = open_classifier(config.classifier)  # first: it tries a delegate
        if present is not None and not SCHEDULER_SECTIONS & sections:
            scheduler = present.scheduler
        else:  # another source has faces and a clock of its own
            detector, live = open_detector(config.detector), config.source.is_live
            scheduler = DetectionScheduler(
                detector, config.tracker, config.scheduler, live, track_ids, ignore=config.ignore
            )
    analyzer = ExpressionAnalyzer(
        classifier,
        scheduler.crop_fit,
        config.quality,
        config.smoothing,
        config.classifier.min_confidence,
        zones=config.zones,
        has_affect=config.classifier.valence_arousal,
    )
    card, is_file = classifier.card, isinstance(config.source, VideoSettings)
    run, zones = present.events.run if present is not None else run, tuple(config.zones)
    events = EventGenerator(card.name, scheduler.detector, card.labels, is_file, run, zones=zones)
    return ProcessingComponents(scheduler, analyzer, events, config, digest)


def analyze_image(processing: ProcessingComponents, image: Image) -> AnalyzedFrame:
    """Return an image that stands alone with its faces, from left to right, numbered from 1."""
    now = time.monotonic()
    tracked = processing.scheduler.update(Frame(image, 0, now, captured=now, still=True))
    faces = sorted(processing.analyzer.update(tracked), key=lambda face: face.box.x1)
    numbered = (
        replace(face, track=replace(face.track, track_id=number))
        for number, face in enumerate(faces, start=1)
    )
    return AnalyzedFrame(tracked, tuple(numbered), datetime.now(UTC))


class ImageAnalyzer:
    """Analyzes images as the daemon is configured at the moment; any thread may call it."""

    def __init__(self, present_config: Callable[[], Config]) -> None:
        self._present_config = present_config
        self._lock = threading.Lock()
        self._built: ProcessingComponents | None = None

    def analyze(self, image: Image) -> AnalyzedFrame:
        """Find and classify the faces of an image; errors as `build_processing`."""
        with self._lock:
            # What is given to be analyzed is not of the camera, whose regions these are.
            config = msgspec.structs.replace(self._present_config(), zones={}, ignore=())
            self._built = build_processing(config, count(1), self._built)
            return analyze_image(self._built, image)

    def crop_largest(self, image: Image) -> GrayImage | None:
        """Return the largest face of an image as a classifier sees it; None where there is none."""
        tracks = self.analyze(image).tracked.tracks
        assert self._built is not None
        return crop_largest(image, tracks, self._built.scheduler.crop_fit)
