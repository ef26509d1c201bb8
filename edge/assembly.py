"""From a config to a pipeline."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path

from edge.analysis import open_analysis
from edge.assets import asset
from edge.capture import is_live, open_source
from edge.config import Config, outbox_paths
from edge.control.desk import Desk
from edge.detect import detector_kinds
from edge.infer.card import read_labels
from edge.pipeline import Pipeline
from edge.publish import open_sink


def build_pipeline(
    config: Config, desk: Desk | None = None, ids: Iterator[int] | None = None
) -> Pipeline:
    """Load everything that `config` names and put it together.

    Camera, files and broker are touched only once the pipeline is started.

    Args:
        config: names it.
        desk: where sinks hand commands in; None takes none.
        ids: of the tracks, where a pipeline goes on from another.

    Raises:
        ConfigError: a file or package that the config needs cannot be used.
        ModelError: the model cannot be used.
    """
    return Pipeline(
        source=open_source(config.source),
        live=is_live(config.source),
        analysis=open_analysis(config, ids or count(1)),
        sinks=[
            open_sink(settings, outbox, desk)
            for settings, outbox in zip(config.sinks, outbox_paths(config), strict=True)
        ],
    )


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
