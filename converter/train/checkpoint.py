"""Exact resume: everything a training needs to go on after a kill."""

from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np

from converter.models.classifiers import Model


class Batches(Protocol):
    """Drawn from the epoch and their number alone."""

    epoch: int

    def __len__(self) -> int: ...


class Checkpoint(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """Writes weights and optimiser after each epoch, and tells the batches which epoch it is.

    One file, replaced in one step, so that a kill leaves the old or the new, never half of one.

    Attributes:
        epoch: the epoch a restored training goes on with; 0 for a new one.
    """

    def __init__(self, path: Path, batches: Batches) -> None:
        super().__init__()
        self.epoch = 0
        self._path = path
        self._batches = batches

    def restore(self, network: Model) -> int:
        """Load the last whole epoch's state where there is one; return the epoch to go on with."""
        if self._path.exists():
            network.optimizer.build(network.trainable_variables)
            network.load_weights(self._path)
            steps = int(keras.ops.convert_to_numpy(network.optimizer.iterations))
            self.epoch = steps // len(self._batches)
        return self.epoch

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Draw this epoch's batches, and the same dropout after a resume as without one."""
        self._batches.epoch = epoch
        for layer in self.model.layers:
            if isinstance(layer, keras.layers.Dropout):
                seed = np.array([layer.seed_generator.state.shape[0], epoch], dtype="uint32")
                layer.seed_generator.state.assign(seed)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write the state."""
        partial = self._path.with_name("partial.weights.h5")
        self.model.save_weights(partial)
        partial.replace(self._path)
