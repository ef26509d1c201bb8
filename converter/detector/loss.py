"""The loss of the detector, and a Keras model whose loss is logged in parts."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from converter.detector.simota import Grid, assign, at_cells, best_of_cells

ALPHA, GAMMA = 0.75, 2.0
"""Weight of the background and how fast it falls where the score is low already, of the
varifocal loss (Zhang et al. 2021, arXiv:2008.13367)."""

BOX_WEIGHT = 2.0

PARTS = ("score", "box")


class LossPartsModel(keras.Model):  # type: ignore[misc]  # Keras ships no types
    """A network in training, whose loss is the sum of parts, each of which the log shows.

    Args:
        network: whose input and outputs it takes; it shares the weights.
        parts: names of the parts.
        loss: returns the parts, each a scalar, of truth and outputs.
    """

    def __init__(
        self, network: Any, parts: Sequence[str], loss: Callable[[Any, Any], dict[str, Any]]
    ) -> None:
        super().__init__(network.input, network.output)
        self._loss_parts = loss
        self._parts = {part: keras.metrics.Mean(part) for part in parts}

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return the sum of the parts."""
        parts = self._loss_parts(y, y_pred)
        for part, value in parts.items():
            self._parts[part].update_state(value)
        return sum(parts.values())


class DetectionLoss:
    """The sum of two losses, each a mean over the answering cells.

    A score is to be the overlap of its own box with the face (varifocal loss), so that of two
    boxes of a face the better one is kept; a box is judged by its overlap, middle and sides (EIoU,
    Zhang et al. 2022, arXiv:2101.08158).

    Args:
        grid: of the network's images.
    """

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._strides = grid.strides[:, None]
        self._centers = grid.centers

    def __call__(self, truth: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        """Return the losses by name, each a scalar.

        Args:
            truth: what `SampleBatches` gives.
            answer: the network's outputs.
        """
        cells = ops.maximum(truth["candidates"], 0)
        allowed = ops.logical_and(truth["candidates"] >= 0, truth["known"][..., None] > 0)
        scores = answer["scores"][..., 0]
        boxes = at_cells(self._boxes(answer["boxes"]), cells)
        wanted = truth["boxes"][:, :, None]
        overlaps, misfit = compare(boxes, wanted)
        own = ops.stop_gradient(at_cells(scores, cells))
        settled = ops.stop_gradient(overlaps)
        count = self._grid.count
        chosen = ops.stop_gradient(assign(own, settled, cells, allowed, count))
        sure = ops.maximum(best_of_cells(settled * chosen, cells, count), 0.0)
        weight = settled * chosen
        total = ops.maximum(ops.sum(weight), 1.0)
        return {
            "score": ops.sum(varifocal(scores, sure, truth["background"])) / total,
            "box": BOX_WEIGHT * ops.sum(weight * misfit) / total,
        }

    def _boxes(self, values: Any) -> Any:
        """Return left, top, right, bottom in pixels of (batch, cells, 4) answers."""
        middles = values[..., :2] * self._strides + self._centers
        # A network that begins to learn may say anything: e^6 strides are wider than any image.
        halves = ops.exp(ops.clip(values[..., 2:], -4.0, 6.0)) * (self._strides / 2)
        return ops.concatenate([middles - halves, middles + halves], axis=-1)


def varifocal(logits: Any, targets: Any, background: Any) -> Any:
    """Return the loss of each cell; how much a calm background weighs is taken as it is.

    Args:
        logits: (batch, cells).
        targets: overlaps of the answering cells, 0 elsewhere.
        background: weight of a cell that answers for no face, 0 where it is unknown.
    """
    entropy = ops.softplus(logits) - targets * logits
    calm = ALPHA * ops.power(ops.stop_gradient(ops.sigmoid(logits)), GAMMA) * background
    return entropy * ops.where(targets > 0, targets, calm)


def compare(boxes: Any, others: Any) -> tuple[Any, Any]:
    """Return IoU and EIoU loss of boxes (..., 4), left, top, right and bottom."""
    larger, smaller = ops.maximum(boxes, others), ops.minimum(boxes, others)
    common = _area(ops.maximum(smaller[..., 2:] - larger[..., :2], 0.0))
    one, other = boxes[..., 2:] - boxes[..., :2], others[..., 2:] - others[..., :2]
    overlap = common / ops.maximum(_area(one) + _area(other) - common, 1e-6)
    around = larger[..., 2:] - smaller[..., :2]  # width and height of the box around both
    apart = (boxes[..., :2] + boxes[..., 2:] - others[..., :2] - others[..., 2:]) / 2
    middle = ops.sum(apart**2, axis=-1) / ops.maximum(ops.sum(around**2, axis=-1), 1e-6)
    shape = ops.sum((one - other) ** 2 / ops.maximum(around**2, 1e-6), axis=-1)
    return overlap, 1 - overlap + middle + shape


def _area(sides: Any) -> Any:
    return sides[..., 0] * sides[..., 1]
