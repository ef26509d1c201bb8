"""Quantisation-aware fine-tuning: a network that gets used to int8 before it is rounded.

A few hundred steps with weights and activations rounded as int8 will round them, the gradient
passing straight through (Jacob et al. 2018, arXiv:1712.05877). The network's own float answers are
what it learns to keep, so no label and no recipe is needed, and it drifts nowhere else.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray

from converter.networks.classifiers import Model
from converter.quantize.folding import fold

STEPS = 300
BATCH = 64
RATE = 1e-4


def fine_tuned(
    network: Model, faces: NDArray[np.uint8], steps: int = STEPS, seed: int = 0
) -> Model:
    """Return `network` without its batch normalisations and dropouts, used to int8.

    Args:
        network: from grey values 0-255, (n, side, side, 1); it stays as it is.
        faces: of Training, uint8 (n, side, side).
        steps: batches of 64 faces, half of them mirrored.
        seed: of the choice of faces.
    """
    folded = fold(network)
    rounded = keras.models.clone_model(folded, clone_function=_rounded)
    rounded.set_weights(folded.get_weights())
    rng = np.random.default_rng(seed)
    chosen = faces[rng.integers(len(faces), size=steps * BATCH)].astype(np.float32)
    chosen[::2] = chosen[::2, :, ::-1]
    goals = network.predict(chosen[..., None], batch_size=256, verbose=0)
    schedule = keras.optimizers.schedules.CosineDecay(RATE, decay_steps=steps)
    # The squared error of logits is distillation without a temperature (Ba & Caruana 2014,
    # arXiv:1312.6184), and serves the face output as well.
    rounded.compile(optimizer=keras.optimizers.Adam(schedule), loss="mse", jit_compile=False)
    rounded.fit(chosen[..., None], goals, batch_size=BATCH, shuffle=False, verbose=0)
    folded.set_weights(rounded.get_weights())
    return folded


def _rounded(layer: Any) -> Any:
    """Return the layer's copy that computes in what int8 can tell apart."""
    kinds: dict[Any, Any] = {
        layers.Conv2D: _RoundedConv2D,
        layers.Dense: _RoundedDense,
        layers.ReLU: _RoundedReLU,
        layers.Add: _RoundedAdd,
    }
    return kinds.get(type(layer), type(layer)).from_config(layer.get_config())


class _RoundedConv2D(layers.Conv2D):  # type: ignore[misc]  # Keras ships no types
    def call(self, inputs: Any) -> Any:
        outputs = self.convolution_op(inputs, _round_kernel(self.kernel))
        return self.activation(outputs + self.bias if self.use_bias else outputs)


class _RoundedDense(layers.Dense):  # type: ignore[misc]
    def call(self, inputs: Any, training: bool | None = None) -> Any:
        # One scale for the whole kernel, as `converter.quantize.tflite` asks for.
        outputs = tf.matmul(inputs, _round_kernel(self.kernel, per_channel=False))
        return _round(self.activation(outputs + self.bias if self.use_bias else outputs))


class _RoundedReLU(layers.ReLU):  # type: ignore[misc]
    def call(self, inputs: Any) -> Any:
        return _round(super().call(inputs))


class _RoundedAdd(layers.Add):  # type: ignore[misc]
    def call(self, inputs: Any) -> Any:
        return _round(super().call(inputs))


def _round_kernel(kernel: Any, per_channel: bool = True) -> Any:
    """Round to 255 levels, as far below 0 as above."""
    kernel = tf.convert_to_tensor(kernel)
    axes = list(range(len(kernel.shape) - 1)) if per_channel else None
    most = tf.stop_gradient(tf.reduce_max(tf.abs(kernel), axis=axes)) + 1e-8
    most = tf.broadcast_to(most, kernel.shape[-1:])
    return tf.quantization.fake_quant_with_min_max_vars_per_channel(
        kernel, -most, most, num_bits=8, narrow_range=True
    )


def _round(values: Any) -> Any:
    """Round to 256 levels between the least and the most of the batch."""
    least = tf.stop_gradient(tf.minimum(tf.reduce_min(values), 0.0))
    most = tf.stop_gradient(tf.maximum(tf.reduce_max(values), least + 1e-6))
    return tf.quantization.fake_quant_with_min_max_vars(values, least, most, num_bits=8)
