"""From a config to what a daemon is put together by."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path

from edge.config import Config
from edge.detect import detector_kinds
from edge.infer.card import read_labels
from edge.offline.recognizer import EmotionRecognizer
from edge.paths import asset
from edge.pipeline.components import BuildContext, PipelineComponents, build_components
from edge.pipeline.latest_frame import LatestFrame
from edge.service.command_queue import CommandQueue
from edge.types import AnalyzedFrame, Image
from edge.view import ViewContext


def build_context(
    config: Config,
    desk: CommandQueue,
    showcase: LatestFrame,
    analyse: Callable[[Image], AnalyzedFrame],
) -> BuildContext:
    """Return what the parts of a daemon are made by.

    Args:
        config: says what is wanted.
        desk: where commands are handed in.
        showcase: where views find what they show.
        analyse: reads a picture that stands alone, for views.
    """
    return BuildContext(config, desk, ViewContext(showcase, config.privacy.blur, analyse))


def validate_components(config: Config) -> PipelineComponents:
    """Load everything that `config` names, to learn whether it can be used.

    Raises:
        ConfigError, ModelError: as `open_parts`.
    """
    analyse = EmotionRecognizer.following(lambda: config).analyze_image
    return build_components(
        build_context(config, command_queue_for(config), LatestFrame(), analyse), count(1)
    )


def command_queue_for(config: Config, before: CommandQueue | None = None) -> CommandQueue:
    """Return a desk that offers what `config` allows; what waits at one before it is kept.

    Raises:
        ModelError: a model's card cannot be read.
    """
    desk = before or CommandQueue({}, detector_kinds(), pictures=False)
    models = models_of(config)
    labels = dict.fromkeys(label for model in models.values() for label in read_labels(model))
    pictures = config.privacy.pictures
    return replace(desk, models=models, labels=tuple(labels), pictures=pictures)


def models_of(config: Config) -> Mapping[str, Path]:
    """Return the models that may be chosen: those that are shipped, and the config's own."""
    shipped = {file.stem: Path(file.stem) for file in sorted(asset("models").glob("*.tflite"))}
    own = config.classifier.model
    return shipped if own.name in shipped else {**shipped, own.stem: own}
