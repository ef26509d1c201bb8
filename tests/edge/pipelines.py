"""Pipelines of real parts behind a camera that a test plays."""

import time
from collections.abc import Sequence
from itertools import count

from edge.capture import Source
from edge.detect import open_detector
from edge.detect.detector import Detector
from edge.detect.haar import HaarSettings
from edge.geometry import Box
from edge.infer.classifier import ClassifierSettings, ModelPath, open_classifier
from edge.infer.crop import QualitySettings
from edge.infer.face_analyzer import ExpressionAnalyzer
from edge.infer.track_state import SmoothingSettings
from edge.pipeline.build import PipelineComponents
from edge.pipeline.pipeline import Pipeline
from edge.pipeline.processing import ProcessingComponents
from edge.publish.events import EventGenerator
from edge.track.scheduler import DetectionScheduler, SchedulerSettings
from edge.track.tracker import TrackerSettings
from edge.types import Face, Image
from tests.brokers import wait_until
from tests.edge.cameras import KeepingSink

EVERY_FRAME = SchedulerSettings(interval_frames=1, cpu_budget=1.0, motion_threshold=0.0)


class Slow:
    """A detector that finds nothing, slowly."""

    name = "slow"
    searches_near = False
    crop_fit = open_detector(HaarSettings()).crop_fit

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.calls = 0

    def detect(self, image: Image, near: Sequence[Box] = ()) -> list[Face]:
        self.calls += 1
        time.sleep(self.seconds)
        return []


def processing_with(
    detector: Detector,
    live: bool,
    settings: SchedulerSettings = EVERY_FRAME,
    model: str = "shallow-int8",
    first_id: int = 1,
) -> ProcessingComponents:
    chosen = ClassifierSettings(model=ModelPath(model), min_confidence=0.0)
    classifier = open_classifier(chosen)
    return ProcessingComponents(
        DetectionScheduler(
            detector, TrackerSettings(min_hits=2, min_age_s=0.0), settings, live, count(first_id)
        ),
        ExpressionAnalyzer(
            classifier, detector.crop_fit, QualitySettings(), SmoothingSettings(), 0.0
        ),
        EventGenerator(classifier.card.name, detector.name, classifier.card.labels),
    )


def build(
    source: Source,
    *sinks: KeepingSink,
    live: bool = False,
    detector: Detector | None = None,
    settings: SchedulerSettings = EVERY_FRAME,
) -> Pipeline:
    processing = processing_with(detector or open_detector(HaarSettings()), live, settings)
    return Pipeline(PipelineComponents(source, live, processing, sinks))


def run(pipeline: Pipeline) -> None:
    pipeline.start()
    wait_until(lambda: not pipeline.running, seconds=60)
