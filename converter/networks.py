"""The networks, each in one function: grey uint8 faces in, logits out."""

from typing import Any

import keras
from keras import layers

Model = Any
"""A keras.Model; Keras ships no types."""


def shallow(classes: int) -> Model:
    """A plain real-time network: seven 3x3 convolutions, no branches, no depthwise layers.

    0.64 M parameters and 60 M multiply-adds. Plain convolutions gain most from int8: every
    runtime has hand-written kernels for them, where depthwise ones are bound by memory.

    Args:
        classes: number of logits.

    Returns:
        A model from grey values 0-255, (n, 48, 48, 1), to logits, float32 (n, classes).
    """
    faces = keras.Input((48, 48, 1), name="faces")
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(faces)
    x = _convolution(x, 32)
    x = layers.MaxPooling2D()(x)
    x = _convolution(_convolution(x, 48), 48)
    x = layers.MaxPooling2D()(x)
    x = _convolution(_convolution(x, 112), 112)
    x = layers.MaxPooling2D()(x)
    x = _convolution(_convolution(x, 160), 192)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.4)(x)
    logits = layers.Dense(classes, dtype="float32", name="logits")(x)
    return keras.Model(faces, logits, name="shallow")


def _convolution(x: Any, filters: int) -> Any:
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization()(x))


NETWORKS = {"shallow": shallow}
