"""The loop of all trainings: precision, duration, optimizer, exact resume, log and curves.

Keras on TensorFlow computes in bfloat16 where the CPU does, and normalizes batches by TensorFlow's
fused kernel. What is written is always a copy in float32 without either.
"""

import math
import sys
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from timeit import repeat
from typing import Any, Literal

import cv2
import keras
import numpy as np
from keras import ops
from matplotlib.figure import Figure

from converter.models import Model
from converter.quantize.tflite import CPU_INFO, multiply_adds
from converter.recipes import BaseRecipe
from converter.train.run_dir import CHECKPOINT, CURVES, LOG, MODEL, write_network
from edge.errors import ConfigError
from edge.terminal import plural

BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}  # without one bfloat16 is emulated, many times slower
LONG_S = 600.0  # seconds from which on a training is announced
TRAINING_COST = 4.0  # of a step, in passes forward; 3.4 of shallow, 4.6 of tiny (Zen 3, 2026-11-29)
ROUNDS = 6  # convolutions that are timed; the fastest counts, as the first prepares
COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # quintic Newton-Schulz towards singular values of 1
FAST_CHANNELS = 16  # of multiples of which TensorFlow's fused normalization is fast
NEWTON_SCHULZ_STEPS = 4  # after them the singular values lie between about 0.7 and 1.2
SHARE = 0.25  # the length of a kernel's step for a rate of 1: one rate serves kernels and the rest

Panels = Mapping[str, Mapping[str, str]]  # columns of log.csv, by title of a panel and curve
CurrentNetwork = Callable[[], Model]  # returns a float32 copy with the weights of this moment


class SeededBatches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras ships no types
    """Batches drawn from seed, epoch and index alone: a training can be repeated exactly."""

    def __init__(self, recipe: BaseRecipe, steps: int) -> None:
        super().__init__()
        self._seed, self._steps, self.epoch = recipe.seed, steps, 0

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, index: int) -> Any:
        return self.draw(index, np.random.default_rng((self._seed, self.epoch, index)))

    @abstractmethod
    def draw(self, index: int, rng: np.random.Generator) -> Any:
        """Return one batch, as `keras.Model.fit` takes it."""


def use_precision(dtype: Literal["auto", "mixed_bfloat16", "float32"]) -> None:
    """Set Keras' global precision; "auto" is mixed_bfloat16 on a CPU that computes in it."""
    if dtype == "auto":
        flags = CPU_INFO.read_text().split() if CPU_INFO.exists() else ()
        dtype = "float32" if BFLOAT16_FLAGS.isdisjoint(flags) else "mixed_bfloat16"
    keras.mixed_precision.set_global_policy(dtype)


def fit(
    build: CurrentNetwork,
    compiled: Callable[[Model], Model],
    batches: SeededBatches,
    recipe: BaseRecipe,
    directory: Path,
    *,
    panels: Panels,
    callbacks: Callable[[CurrentNetwork], Sequence[Any]] | None = None,
    **validation: Any,
) -> None:
    """Train a network, writing its averaged weights into `directory` after every epoch.

    A training that was killed goes on where its last whole epoch ended, exactly as if it had run
    through. The last epoch is kept: the luckiest of many would overstate the accuracy.

    `build` returns the network, untrained; `compiled` what is fitted, made of that; `callbacks`
    more callbacks, called once the averaged weights are in the network. The directory was prepared;
    validation is as `keras.Model.fit` takes it. A ConfigError where the recipe's start is missing.
    """
    keras.utils.set_random_seed(recipe.seed)
    cv2.setNumThreads(1)  # batches are drawn by a thread of their own; the cores are TensorFlow's
    network = _initial_network(build(), recipe, directory)
    current = _float32_copy(network, build, recipe.start_share)
    model = compiled(network)
    checkpoint = Checkpoint(directory / CHECKPOINT, batches)
    first = checkpoint.restore(model)
    write = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda *_: write_network(current(), directory / MODEL)
    )
    logger = keras.callbacks.CSVLogger(directory / LOG, append=first > 0)
    try:
        model.fit(
            batches,
            initial_epoch=first,
            epochs=recipe.epochs,
            verbose=1 if sys.stdout.isatty() else 2,
            shuffle=False,  # the batches are drawn anew, the same way after a resume
            callbacks=[checkpoint, write, *(callbacks(current) if callbacks else ()), logger],
            **validation,
        )
    except KeyboardInterrupt as error:
        hint = "the same command, without --force, goes on after the last whole epoch"
        raise KeyboardInterrupt(f"stopped; {hint} in {directory}") from error
    _draw_curves(directory / LOG, directory / CURVES, panels)


def _initial_network(network: Model, recipe: BaseRecipe, directory: Path) -> Model:
    """Return a copy to train, with fused normalization, and the weights of the recipe's start."""
    network = with_fused_normalization(network)
    if not recipe.start:
        return network
    start = directory.with_name(recipe.start)
    try:
        network.set_weights(keras.saving.load_model(start / MODEL, compile=False).get_weights())
    except (OSError, ValueError) as error:
        wanted = f"expected a finished training of {network.name} to start from"
        raise ConfigError(f"{start}: {wanted}") from error
    return network


def _float32_copy(network: Model, build: CurrentNetwork, start_share: float) -> CurrentNetwork:
    """Return what copies the network's weights of a moment, averaged with those of now."""
    start = network.get_weights()
    policy = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_global_policy("float32")
    copy = build()
    keras.mixed_precision.set_global_policy(policy)

    def current() -> Model:
        pairs = zip(start, network.get_weights(), strict=True)
        copy.set_weights([old * start_share + new * (1 - start_share) for old, new in pairs])
        return copy

    return current


def with_fused_normalization(network: Model) -> Model:
    """Return a copy, its weights new, whose normalization is fused: `shallow` is a third faster."""

    def copy(layer: Any) -> Any:
        fused = type(layer) is keras.layers.BatchNormalization
        kind = FusedBatchNormalization if fused else type(layer)
        return kind.from_config(layer.get_config())

    return keras.models.clone_model(network, clone_function=copy)


class FusedBatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]  # untyped
    """Keras' layer, its training step through `FusedBatchNormV3`; checkpoints name its class.

    The kernel is ten times as slow where channels are no multiple of 16: then neighboring columns
    count as channels, each normalized by itself. A step of the detector took 114 ms for 495.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalize, by the batch's own statistics in training."""
        if not training:
            return super().call(inputs, training=False, mask=mask)
        import tensorflow as tf

        shape = ops.shape(inputs)
        fold = math.gcd(FAST_CHANNELS // math.gcd(FAST_CHANNELS, shape[3]), shape[2])
        if fold > 1:
            inputs = ops.reshape(inputs, (*shape[:2], shape[2] // fold, shape[3] * fold))
        outputs, means, variances = tf.compat.v1.nn.fused_batch_norm(
            inputs, ops.tile(self.gamma, fold), ops.tile(self.beta, fold), epsilon=self.epsilon
        )
        means, variances = (ops.reshape(one, (fold, shape[3])) for one in (means, variances))
        mean = ops.mean(means, axis=0)
        variance = ops.mean(variances + ops.square(means - mean), axis=0)
        for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + value * (1 - self.momentum))
        return ops.reshape(outputs, shape)


def estimate_seconds(network: Model, samples: int) -> float:
    """Return about how long a training takes that shows a network so many samples in all."""
    return multiply_adds(network) * samples * TRAINING_COST / multiply_adds_per_second()


@cache
def multiply_adds_per_second() -> float:
    """Return how fast this machine convolves, as the networks do, in the precision in use."""
    images = np.zeros((64, 24, 24, 48), np.float32)
    layer = keras.layers.Conv2D(48, 3, padding="same", use_bias=False)
    times = repeat(lambda: np.asarray(layer(images)), number=1, repeat=ROUNDS)
    return images.size * 9 * 48 / min(times)


def announce(names: Sequence[str], seconds: float) -> None:
    """Say in a line which networks will be trained, where all take longer than ten minutes."""
    if seconds < LONG_S:
        return
    about = f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
    text = f"training {plural(len(names), 'network')}: {', '.join(names)}; about {about}"
    sys.stderr.write(f"{text} on this machine; Ctrl-C stops it, and the same command goes on\n")


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
    """Return the orthogonal matrix nearest to `matrix`, roughly, by Newton-Schulz."""
    tall = matrix.shape[0] > matrix.shape[1]
    x = ops.transpose(matrix) if tall else matrix
    x = x / (ops.norm(x) + 1e-7)
    gram = ops.matmul(x, ops.transpose(x))
    one = ops.eye(x.shape[0], dtype=x.dtype)
    whole = one  # the polynomials commute: they are multiplied with each other, and with x once
    a, b, c = COEFFICIENTS
    for _ in range(NEWTON_SCHULZ_STEPS):
        step = a * one + b * gram + c * ops.matmul(gram, gram)
        whole = ops.matmul(step, whole)
        gram = ops.matmul(step, ops.matmul(gram, step))
    x = ops.matmul(whole, x)
    return ops.transpose(x) if tall else x


class Checkpoint(keras.callbacks.SwapEMAWeights):  # type: ignore[misc]  # Keras ships no types
    """Writes weights and optimizer after each epoch, then swaps the weights for their average.

    The next epoch begins with what was written: Keras swaps by adding and subtracting, which
    rounds, and a training that is taken up again is to be the same to the last digit.
    """

    def __init__(self, path: Path, batches: SeededBatches) -> None:
        super().__init__(swap_on_epoch=True)
        self._path, self._batches = path, batches

    def restore(self, network: Model) -> int:
        """Load the last whole epoch's state where there is one; return the epoch to go on with."""
        if not self._path.exists():
            return 0
        network.optimizer.build(network.trainable_variables)
        network.load_weights(self._path)
        return int(network.optimizer.iterations) // len(self._batches)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Draw this epoch's batches, and the same dropout after a resume as without one."""
        super().on_epoch_begin(epoch, logs)
        if epoch:
            self.model.load_weights(self._path)
        self._batches.epoch = epoch
        for layer in self.model.layers:
            if isinstance(layer, keras.layers.Dropout):
                seed = np.array([layer.seed_generator.state.shape[0], epoch], dtype="uint32")
                layer.seed_generator.state.assign(seed)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write the state."""
        partial = self._path.with_name("partial.weights.h5")
        self.model.save_weights(partial)
        partial.replace(self._path)
        super().on_epoch_end(epoch, logs)


def _draw_curves(log: Path, image: Path, panels: Panels) -> None:
    rows = np.genfromtxt(log, delimiter=",", names=True, ndmin=1)
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    plots = figure.subplots(1, len(panels), squeeze=False).flat
    for axes, (title, curves) in zip(plots, panels.items(), strict=True):
        for name, column in curves.items():
            axes.plot(rows["epoch"] + 1, rows[column], label=name)
        axes.set(title=title, xlabel="epoch")
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    figure.savefig(image, dpi=110)
