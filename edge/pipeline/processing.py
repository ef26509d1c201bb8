"""How the faces of a frame are found and read: what may be replaced while frames flow."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from edge.capture import is_live
from edge.capture.video import VideoSettings
from edge.config import Config
from edge.detect import Follower, open_detector
from edge.infer.classifier import TFLiteClassifier, open_classifier
from edge.infer.expression_analyzer import Expressions
from edge.publish.events import EventLife

FOLLOWED_BY = ("source", "detector", "detect", "tracker")
READ_BY = ("classifier", "quality", "smoothing")
"""The sections of a config that say how faces are followed, and how they are read."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """What happens to a frame, in this order.

    Attributes:
        follower: frames to tracks.
        expressions: tracks to expressions.
        life: expressions to events.
    """

    follower: Follower
    expressions: Expressions
    life: EventLife


def open_analysis(config: Config, ids: Iterator[int]) -> Analysis:
    """Load what `config` names for finding and reading faces.

    Args:
        config: names it.
        ids: of the tracks.

    Raises:
        ConfigError: a file or package that the config needs cannot be used.
        ModelError: the model cannot be used.
    """
    classifier = open_classifier(config.classifier)
    live, detector = is_live(config.source), open_detector(config.detector)
    follower = Follower(detector, config.tracker, config.detect, live, ids)
    return _put_together(follower, classifier, config)


def change_analysis(before: Analysis, old: Config, new: Config, ids: Iterator[int]) -> Analysis:
    """Return the analysis of a new config, made of the parts of the old where these serve.

    Args:
        before: the analysis of the old config.
        old: the config it was opened by.
        new: the config wanted. Another source has faces, and a clock, of its own.
        ids: of the tracks.

    Raises:
        ConfigError, ModelError: as `open_analysis`.
    """
    if not alike(old, new, FOLLOWED_BY):
        return open_analysis(new, ids)
    if not alike(old, new, READ_BY):
        return _put_together(before.follower, open_classifier(new.classifier), new)
    return before


def alike(old: Config, new: Config, sections: Iterable[str]) -> bool:
    """Tell whether two configs say the same in some of their sections."""
    return all(getattr(old, name) == getattr(new, name) for name in sections)


def _put_together(follower: Follower, classifier: TFLiteClassifier, config: Config) -> Analysis:
    return Analysis(
        follower,
        Expressions(
            classifier,
            follower.crop_fit,
            config.smoothing,
            config.quality,
            config.classifier.min_confidence,
        ),
        EventLife(
            classifier.card.name,
            follower.detector,
            classifier.card.labels,
            film=isinstance(config.source, VideoSettings),
        ),
    )
