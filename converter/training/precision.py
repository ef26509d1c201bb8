"""The precision that networks are built in."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras


@contextmanager
def in_float32() -> Iterator[None]:
    """Build layers in float32, whatever the training's own precision is: that is for it alone."""
    policy = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_global_policy("float32")
    try:
        yield
    finally:
        keras.mixed_precision.set_global_policy(policy)
