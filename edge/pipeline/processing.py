"""How the faces of a frame are found and read: what may be replaced while frames flow."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from edge.capture.video import VideoSettings
from edge.config import Config
from edge.detect import open_detector
from edge.infer.classifier import TFLiteClassifier, open_classifier
from edge.infer.face_analyzer import ExpressionAnalyzer
from edge.publish.events import EventGenerator
from edge.track import DetectionScheduler

FOLLOWED_BY = ("source", "detector", "detect", "tracker")
READ_BY = ("classifier", "quality", "smoothing")
"""The sections of a config that say how faces are followed, and how they are read."""


@dataclass(frozen=True, slots=True)
class ProcessingComponents:
    """What happens to a frame, in this order.

    Attributes:
        follower: frames to tracks.
        expressions: tracks to expressions.
        life: expressions to events.
    """

    follower: DetectionScheduler
    expressions: ExpressionAnalyzer
    life: EventGenerator


def build_processing(config: Config, ids: Iterator[int]) -> ProcessingComponents:
    """Load what `config` names for finding and reading faces.

    Args:
        config: names it.
        ids: of the tracks.

    Raises:
        ConfigError: a file or package that the config needs cannot be used.
        ModelError: the model cannot be used.
    """
    classifier = open_classifier(config.classifier)
    detector, live = open_detector(config.detector), config.source.is_live
    follower = DetectionScheduler(detector, config.tracker, config.detect, live, ids)
    return _put_together(follower, classifier, config)


def rebuild_processing(
    before: ProcessingComponents, old: Config, new: Config, ids: Iterator[int]
) -> ProcessingComponents:
    """Return the analysis of a new config, made of the parts of the old where these serve.

    Args:
        before: the analysis of the old config.
        old: the config it was opened by.
        new: the config wanted. Another source has faces, and a clock, of its own.
        ids: of the tracks.

    Raises:
        ConfigError, ModelError: as `open_analysis`.
    """
    if not same_sections(old, new, FOLLOWED_BY):
        return build_processing(new, ids)
    if not same_sections(old, new, READ_BY):
        return _put_together(before.follower, open_classifier(new.classifier), new)
    return before


def same_sections(old: Config, new: Config, sections: Iterable[str]) -> bool:
    """Tell whether two configs say the same in some of their sections."""
    return all(getattr(old, name) == getattr(new, name) for name in sections)


def _put_together(
    follower: DetectionScheduler, classifier: TFLiteClassifier, config: Config
) -> ProcessingComponents:
    return ProcessingComponents(
        follower,
        ExpressionAnalyzer(classifier, follower.crop_fit, config),
        EventGenerator(
            classifier.card.name,
            follower.detector,
            classifier.card.labels,
            film=isinstance(config.source, VideoSettings),
        ),
    )
