"""Muon, the optimizer: momentum whose step is made orthogonal, for convolutions."""

import math
from typing import Any

import keras
from keras import ops

from converter.recipes import BaseRecipe

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic Newton-Schulz iteration that drives singular values towards 1, and how steep."""

STEPS = 4  # iterations; after them the singular values lie between about 0.7 and 1.2
SHARE = 0.25  # the length of a kernel's step for a rate of 1: one rate serves kernels and the rest


def new_optimizer(recipe: BaseRecipe, steps: int) -> Any:
    """Return a Muon whose rate rises linearly, then falls to nothing along a cosine.

    Weights are averaged; biases and normalizations do not decay. An epoch has so many steps.
    """
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0,
        warmup_target=recipe.learning_rate,
        warmup_steps=recipe.warmup_epochs * steps,
        decay_steps=(recipe.epochs - recipe.warmup_epochs) * steps,
    )
    shared = {"weight_decay": recipe.weight_decay, "use_ema": True, "ema_momentum": recipe.ema}
    optimizer = Muon(schedule, momentum=0.95, nesterov=True, **shared)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


class Muon(keras.optimizers.SGD):  # type: ignore[misc]  # Keras ships no types
    """SGD with Nesterov momentum; a convolution's step is replaced by the nearest orthogonal one.

    Every direction of a kernel then learns equally fast, which takes a network as far in half the
    epochs. Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks"
    (kellerjordan.github.io/posts/muon). Keras' own Muon leaves convolutions to AdamW.
    """

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Take one step."""
        if len(variable.shape) != 4 or variable.shape[2] == 1:
            super().update_step(gradient, variable, learning_rate)
            return
        velocity = self.momentums[self._get_variable_index(variable)]
        gradient = ops.cast(gradient, velocity.dtype)
        self.assign(velocity, velocity * self.momentum + gradient)
        flat = ops.reshape(gradient + self.momentum * velocity, (-1, variable.shape[3]))
        step = ops.reshape(_orthogonal(flat), variable.shape)
        inputs, outputs = flat.shape
        gain = math.sqrt(max(1.0, outputs / inputs))  # keeps a step's effect on the outputs alike
        self.assign_sub(variable, learning_rate * SHARE * gain * step)


def _orthogonal(matrix: Any) -> Any:
    """Return the orthogonal matrix nearest to `matrix`, roughly, by Newton-Schulz.

    Each iteration multiplies x by a polynomial of its Gram matrix. All of them are small square
    matrices that commute, so they are multiplied with each other, and with x once.
    """
    tall = matrix.shape[0] > matrix.shape[1]
    x = ops.transpose(matrix) if tall else matrix
    x = x / (ops.norm(x) + 1e-7)
    gram = ops.matmul(x, ops.transpose(x))
    one = ops.eye(x.shape[0], dtype=x.dtype)
    whole = one
    a, b, c = COEFFICIENTS
    for _ in range(STEPS):
        step = a * one + b * gram + c * ops.matmul(gram, gram)
        whole = ops.matmul(step, whole)
        gram = ops.matmul(step, ops.matmul(gram, step))
    x = ops.matmul(whole, x)
    return ops.transpose(x) if tall else x
