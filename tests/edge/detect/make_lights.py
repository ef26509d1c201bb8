"""Makes lights.tflite, a detector whose answers are plain to see, and glance.tflite, a refiner
likewise.

    python -m tests.edge.detect.make_lights

Each cell of 16 pixels calls a light a face: its logit is -8 where it is dark and 8 where it is lit
in blue. Every box is two cells wide and three high around the
middle of its cell. They lie beside the tests because these need no TensorFlow.
"""

import math

import keras
import msgspec
import numpy as np
import tensorflow as tf

from edge.model_card import card_path
from tests.edge.detect.lights import BOX, GLANCE, LIGHTS, SHAPE, STRIDE, glance_card


def make() -> bytes:
    """Return the .tflite file: int8 in and out."""
    picture = keras.Input(batch_shape=(1, *SHAPE, 3))
    scaled = keras.layers.Rescaling(1 / 255)(picture)
    means = keras.layers.AveragePooling2D(STRIDE)(scaled)
    heads = [_head(means, [-8.0], blue=16.0), _head(means, BOX)]
    return _int8(keras.Model(picture, heads))


def make_glance() -> bytes:
    """Return the .tflite file of the refiner."""
    crop = keras.Input(batch_shape=(1, 32, 32, 3))
    mean = keras.layers.AveragePooling2D(32)(keras.layers.Rescaling(1 / 255)(crop))
    quarters = [-0.25, -0.25, 0.25, -0.25, 0.0, 0.0, 0.0, 0.25]
    box = [0.0, 0.0, math.log(2 / 3), 0.0]
    heads = [_head(mean, [-8.0], blue=16.0), _head(mean, quarters), _head(mean, box)]
    flat = [keras.layers.Flatten()(head) for head in heads]
    return _int8(keras.Model(crop, flat))


def _int8(network: keras.Model) -> bytes:
    picture = network.inputs[0]
    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    whole = (np.full(picture.shape, level, np.float32) for level in range(0, 256, 15))
    converter.representative_dataset = lambda: ([picture] for picture in whole)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type, converter.inference_output_type = tf.int8, tf.int8
    return bytes(converter.convert())


def _head(means: keras.KerasTensor, bias: list[float], blue: float = 0.0) -> keras.KerasTensor:
    """Return an output that gives `bias` in every cell, and `blue` more where that is brightest."""
    layer = keras.layers.Conv2D(len(bias), 1)
    values = layer(means)
    kernel = np.zeros(layer.kernel.shape)
    kernel[:, :, 0] = blue
    layer.set_weights([kernel, np.array(bias)])
    return keras.layers.Reshape((-1, len(bias)))(values)


if __name__ == "__main__":
    GLANCE.write_bytes(make_glance())
    card_path(GLANCE).write_bytes(msgspec.json.encode(glance_card()))
    LIGHTS.write_bytes(make())
