"""Averaged weights in the network between epochs."""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray


class Averaging(keras.callbacks.SwapEMAWeights):  # type: ignore[misc]  # Keras ships no types
    """Swaps weights and their averages after an epoch, and back to the last digit before the next.

    Keras swaps by adding and subtracting, which rounds: a training that ran through would then
    differ a little from one that was taken up again, and the matching makes much of a little.
    """

    def __init__(self) -> None:
        super().__init__(swap_on_epoch=True)
        self._kept: list[NDArray[Any]] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Put the averages into the network."""
        self._kept = [
            np.array(keras.ops.convert_to_numpy(variable)) for variable in self._swapped()
        ]
        super().on_epoch_end(epoch, logs)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Put the weights back."""
        super().on_epoch_begin(epoch, logs)
        if self._kept:
            for variable, value in zip(self._swapped(), self._kept, strict=True):
                variable.assign(value)

    def _swapped(self) -> list[Any]:
        return [*self.model.trainable_variables, *self.model.optimizer.variables]
