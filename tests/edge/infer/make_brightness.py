"""Makes brightness.tflite, a model with two outputs whose answers are plain to see, and
overflow.tflite, whose answers to bright faces are infinite.

    python -m tests.edge.infer.make_brightness

With b the mean gray value, -1 to 1: its classes' logits are 4b, -4b and 0, its face's logit is 8b.
The runtime's own tests need it where there is no TensorFlow, so the file lies beside them.
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

BRIGHTNESS = Path(__file__).with_name("brightness.tflite")
OVERFLOW = Path(__file__).with_name("overflow.tflite")


def make() -> bytes:
    """Return the .tflite file: uint8 in, int8 out, its outputs of width 1 and 3."""
    faces = keras.Input(batch_shape=(1, 48, 48, 1))
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(faces)
    brightness = keras.layers.GlobalAveragePooling2D()(scaled)
    logits, face = keras.layers.Dense(3), keras.layers.Dense(1)
    model = keras.Model(faces, [face(brightness), logits(brightness)])
    logits.set_weights([np.array([[4.0, -4.0, 0.0]]), np.zeros(3)])
    face.set_weights([np.array([[8.0]]), np.zeros(1)])
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    grays = np.linspace(0, 255, 52, dtype=np.float32)
    converter.representative_dataset = lambda: ([np.full((1, 48, 48, 1), gray)] for gray in grays)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type, converter.inference_output_type = tf.uint8, tf.int8
    return bytes(converter.convert())


def make_overflow() -> bytes:
    """Return the .tflite file: float32 in and out; beyond a mean gray of 200 its logits overflow."""
    faces = keras.Input(batch_shape=(1, 48, 48, 1))
    brightness = keras.layers.GlobalAveragePooling2D()(faces)
    bright, logits = keras.layers.Dense(1, activation="relu"), keras.layers.Dense(3)
    model = keras.Model(faces, logits(bright(brightness)))
    bright.set_weights([np.ones((1, 1)), np.array([-200.0])])
    logits.set_weights([np.array([[1e38, -1e38, 0.0]]), np.zeros(3)])
    return bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())


if __name__ == "__main__":
    BRIGHTNESS.write_bytes(make())
    OVERFLOW.write_bytes(make_overflow())
