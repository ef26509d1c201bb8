"""Trainings in small: a recipe, and a way to run one of a few steps in less time."""

from collections.abc import Iterator
from contextlib import contextmanager

from converter.recipes import Recipe

RECIPE = Recipe(
    network="tiny",
    epochs=2,
    batch_size=16,
    learning_rate=0.05,
    warmup_epochs=1,
    weight_decay=1e-3,
    ema=0.5,
    seed=1,
    votes_head=0.5,
    mixup=0.2,
)


@contextmanager
def eagerly(operations: bool = True) -> Iterator[None]:
    """Let TensorFlow run operations one by one, or not.

    Of a training of a few steps, building graphs is the most part. What is promised of its files
    and its resumption is promised of any training; those of detectors build graphs.
    """
    import tensorflow as tf

    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(operations)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)
