"""The networks, each in one function: gray faces in, logits out.

Each takes gray values 0-255, (n, 48, 48, 1), and gives a dictionary of float32 logits:

    logits  (n, classes)  the expression; what a recipe's label set names.
    votes   (n, 8)        FER+'s votes over the eight expressions, a second task.
    face    (n, 1)        whether the crop is a face at all; learned last, by itself (face_head).
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
from keras import layers

from converter.data import EXPRESSIONS, SIDE
from converter.data.label_sets import LABEL_SETS
from converter.recipes import Recipe

Model = Any  # a keras.Model; Keras ships no types


PLAIN = {
    "shallow": ([[32], [48, 48], [112, 112], [160, 192]], 0.2),  # 60 M multiply-adds
    "tiny": ([[16], [32, 32], [48, 48], [48, 48]], 0.1),  # 15 M
    "deep": ([[32], [64, 64], [128, 128, 128], [256, 256]], 0.4),  # 117 M
}
"""Filters of the 3x3 convolutions, by stage, and dropout. They are multiples of 16: with others,
TensorFlow normalizes ten times as slowly."""


def plain(name: str, classes: int) -> Model:
    """Return a network of `PLAIN`, which gain most from int8; images are halved between stages."""
    stages, dropout = PLAIN[name]
    faces, x = _entry()
    for number, stage in enumerate(stages):
        x = layers.MaxPooling2D()(x) if number else x
        for filters in stage:
            x = _convolution(x, filters)
    return _with_heads(name, faces, x, classes, dropout)


def residual(classes: int) -> Model:
    """Residual blocks with squeeze and excitation: a teacher that errs otherwise than `deep`.

    He et al. 2016 (arXiv:1512.03385), Hu et al. 2018 (arXiv:1709.01507); 111 M multiply-adds.
    """
    faces, x = _entry()
    x = layers.MaxPooling2D()(_convolution(x, 32))
    x = _residual_block(x, 64)
    x = _residual_block(x, 128, stride=2)
    x = _residual_block(_residual_block(x, 192, stride=2), 192)
    return _with_heads("residual", faces, x, classes, dropout=0.4)


def _entry() -> tuple[Any, Any]:
    faces = keras.Input((SIDE, SIDE, 1), name="faces")
    return faces, layers.Rescaling(1 / 127.5, offset=-1.0)(faces)


def _convolution(x: Any, filters: int) -> Any:
    return layers.ReLU()(_normalized(x, filters, 3))


def _normalized(x: Any, filters: int, size: int, stride: int = 1) -> Any:
    x = layers.Conv2D(filters, size, strides=stride, padding="same", use_bias=False)(x)
    return layers.BatchNormalization()(x)


def _residual_block(x: Any, filters: int, stride: int = 1) -> Any:
    shortcut = x if stride == 1 else layers.AveragePooling2D(2)(x)
    if shortcut.shape[-1] != filters:
        shortcut = _normalized(shortcut, filters, 1)
    y = layers.ReLU()(_normalized(x, filters, 3, stride))
    y = _normalized(y, filters, 3)
    share = layers.GlobalAveragePooling2D()(y)  # each channel is scaled by what all of it shows
    share = layers.Dense(filters // 8, activation="relu")(share)
    share = layers.Dense(filters, activation="sigmoid")(share)
    y = layers.Multiply()([y, layers.Reshape((1, 1, filters))(share)])
    return layers.ReLU()(layers.Add()([y, shortcut]))


def _with_heads(name: str, faces: Any, x: Any, classes: int, dropout: float) -> Model:
    dropped = layers.Dropout(dropout)(layers.GlobalAveragePooling2D()(x))
    # float32: a softmax in bfloat16 would lose the small differences that train it.
    logits = layers.Dense(classes, dtype="float32", name="logits")(dropped)
    votes = layers.Dense(len(EXPRESSIONS), dtype="float32", name="votes")(dropped)
    # Quarters, not one mean: a face upside down has the features of a face, in other places.
    quarters = layers.Flatten()(layers.AveragePooling2D(x.shape[1] // 2)(x))
    hidden = layers.Dense(16, activation="relu", dtype="float32", name="face_hidden")(quarters)
    face = layers.Dense(1, dtype="float32", name="face")(hidden)
    return keras.Model(faces, {"logits": logits, "votes": votes, "face": face}, name=name)


NETWORKS: dict[str, Callable[[int], Model]] = {"residual": residual}
NETWORKS |= {name: partial(plain, name) for name in PLAIN}


def new_network(recipe: Recipe) -> Model:
    """Return the untrained network that a recipe names, in the global precision."""
    return NETWORKS[recipe.network](len(LABEL_SETS[recipe.label_set].labels))
