"""The weights that a training begins with."""

from pathlib import Path
from typing import Any

import keras

from converter.recipes import Schedule
from converter.train.folder import MODEL
from converter.train.normalization import with_fused_normalization
from edge.errors import ConfigError


def begin(network: Any, recipe: Schedule, directory: Path) -> Any:
    """Return a network to train, with fused normalization: new, or with the weights of a start.

    Args:
        network: with random weights.
        recipe: names the training to start from, if any.
        directory: of this training; the other lies beside it.

    Raises:
        ConfigError: beside `directory` there is no finished training of that name and network.
    """
    network = with_fused_normalization(network)
    if not recipe.start:
        return network
    start = directory.with_name(recipe.start)
    try:
        network.set_weights(keras.saving.load_model(start / MODEL, compile=False).get_weights())
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{start}: expected a finished training of {network.name} to start from"
        ) from error
    return network
