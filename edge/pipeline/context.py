"""From a config to what a daemon is put together by."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path

from edge.config import Config
from edge.detect import detector_kinds
from edge.infer.card import read_labels
from edge.offline.recognizer import PresentRecognizer
from edge.paths import asset
from edge.pipeline.components import Parts, Plan, open_parts
from edge.pipeline.latest_frame import Showcase
from edge.service.command_queue import Desk
from edge.types import Image, Scene
from edge.view import Outlook


def plan_of(
    config: Config, desk: Desk, showcase: Showcase, analyse: Callable[[Image], Scene]
) -> Plan:
    """Return what the parts of a daemon are made by.

    Args:
        config: says what is wanted.
        desk: where commands are handed in.
        showcase: where views find what they show.
        analyse: reads a picture that stands alone, for views.
    """
    return Plan(config, desk, Outlook(showcase, config.privacy.blur, analyse))


def try_parts(config: Config) -> Parts:
    """Load everything that `config` names, to learn whether it can be used.

    Raises:
        ConfigError, ModelError: as `open_parts`.
    """
    analyse = PresentRecognizer(lambda: config).look
    return open_parts(plan_of(config, desk_of(config), Showcase(), analyse), count(1))


def desk_of(config: Config, before: Desk | None = None) -> Desk:
    """Return a desk that offers what `config` allows; what waits at one before it is kept.

    Raises:
        ModelError: a model's card cannot be read.
    """
    desk = before or Desk({}, detector_kinds(), pictures=False)
    models = models_of(config)
    labels = dict.fromkeys(label for model in models.values() for label in read_labels(model))
    pictures = config.privacy.pictures
    return replace(desk, models=models, labels=tuple(labels), pictures=pictures)


def models_of(config: Config) -> Mapping[str, Path]:
    """Return the models that may be chosen: those that are shipped, and the config's own."""
    shipped = {file.stem: Path(file.stem) for file in sorted(asset("models").glob("*.tflite"))}
    own = config.classifier.model
    return shipped if own.name in shipped else {**shipped, own.stem: own}
