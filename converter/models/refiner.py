"""The refinement network: a second look at one candidate, closer than the detector's."""

from typing import Any

import keras
from keras import layers

SIDE = 32
"""Pixels across the crop: as many as a face of 16 to 32 pixels has to show."""

LAYERS = ((16, 2), (32, 2), (32, 1), (48, 2), (48, 1))
"""Channels and stride of each 3x3 convolution."""

OUTPUTS = {"score": 1, "points": 8}
"""Numbers of each answer; the daemon tells the outputs apart by them."""


def refiner(channels: int = 3) -> Any:
    """Return the network, after the output network of MTCNN (Zhang et al. 2016, arXiv:1604.02878).

    Args:
        channels: 3 for blue, green and red, 1 for gray.

    Returns:
        A model from values 0-255, (n, SIDE, SIDE, channels), to a dictionary of `OUTPUTS`, each
        (n, numbers) and float32: the logit of a face; right eye, left eye, nose and mouth from the
        middle of the crop, in sides of it. 1.6 M multiply-adds.
    """
    crop = keras.Input((SIDE, SIDE, channels), name="crop")
    x = layers.Rescaling(1 / 255)(crop)
    for number, (filters, stride) in enumerate(LAYERS):
        x = layers.Conv2D(
            filters, 3, strides=stride, padding="same", use_bias=False, name=f"conv_{number}"
        )(x)
        x = layers.ReLU()(layers.BatchNormalization(name=f"norm_{number}")(x))
    # A convolution over all that is left, not a dense layer: Muon is for kernels of convolutions.
    x = layers.Conv2D(64, SIDE // 8, use_bias=False, name="hidden")(x)
    x = layers.Flatten()(layers.ReLU()(layers.BatchNormalization(name="norm_hidden")(x)))
    outputs = {
        name: layers.Dense(numbers, dtype="float32", name=name)(x)
        for name, numbers in OUTPUTS.items()
    }
    return keras.Model(crop, outputs, name="refiner")
