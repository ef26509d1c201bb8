"""A detector's network while it learns."""

from typing import Any

import keras

from converter.detector.loss import DetectionLoss

PARTS = ("score", "box")


class Trainee(keras.Model):  # type: ignore[misc]  # Keras ships no types
    """A network whose loss is counted in parts, each of which the log shows.

    Args:
        network: whose input and outputs it takes; it shares the weights.
        loss: judges the outputs.
    """

    def __init__(self, network: Any, loss: DetectionLoss) -> None:
        super().__init__(network.input, network.output)
        self._judge = loss
        self._parts = {part: keras.metrics.Mean(part) for part in PARTS}

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return the sum of the parts."""
        parts = self._judge(y, y_pred)
        for part, value in parts.items():
            self._parts[part].update_state(value)
        return sum(parts.values())
