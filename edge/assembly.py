"""From a config to a pipeline."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path

from edge.assets import asset
from edge.config import Config
from edge.control.desk import Desk
from edge.detect import detector_kinds
from edge.infer.card import read_labels
from edge.parts import Plan, open_parts
from edge.pipeline import Pipeline


def build_pipeline(config: Config) -> Pipeline:
    """Load everything that `config` names and put it together; it takes no commands.

    Camera, files and broker are touched only once the pipeline is started.

    Raises:
        ConfigError: a file or package that the config needs cannot be used.
        ModelError: the model cannot be used.
    """
    return Pipeline(open_parts(Plan(config), count(1)))


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
