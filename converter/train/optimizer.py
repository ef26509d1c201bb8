"""The optimiser that a recipe asks for."""

from typing import Any

import keras

from converter.recipes import Schedule
from converter.train.muon import Muon


def new_optimizer(recipe: Schedule, steps: int) -> Any:
    """Return an optimiser whose rate rises linearly, then falls to nothing along a cosine.

    Weights are averaged on the way; biases and normalisations do not decay.

    Args:
        recipe: rates and lengths.
        steps: batches in an epoch.
    """
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0,
        warmup_target=recipe.learning_rate,
        warmup_steps=recipe.warmup_epochs * steps,
        decay_steps=(recipe.epochs - recipe.warmup_epochs) * steps,
    )
    shared = {"weight_decay": recipe.weight_decay, "use_ema": True, "ema_momentum": recipe.ema}
    match recipe.optimizer:
        case "sgd":
            optimizer = keras.optimizers.SGD(schedule, momentum=0.9, nesterov=True, **shared)
        case "muon":
            optimizer = Muon(schedule, momentum=0.95, nesterov=True, **shared)
        case "adamw":
            optimizer = keras.optimizers.AdamW(schedule, **shared)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer
