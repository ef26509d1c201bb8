"""The loop of all trainings: precision, duration, exact resume, averaged weights, log.

Keras on TensorFlow computes in bfloat16 where the CPU does, and normalizes batches by TensorFlow's
fused kernel. What is written is always a copy in float32 without either.
"""

import csv
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol

import keras
import numpy as np
from matplotlib.figure import Figure
from rich.console import Console
from rich.progress import BarColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from converter.models.classifiers import Model
from converter.quantize.tflite import multiply_adds
from converter.recipes import BaseRecipe
from converter.train.run_dir import CHECKPOINT, LOG, MODEL, write_network
from edge.errors import ConfigError

BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}
"""Instruction sets, as /proc/cpuinfo names them, without which bfloat16 is emulated: a step of
`shallow` then takes many times as long as in float32."""

LONG_S = 600.0
"""Seconds from which on a training is announced."""

TRAINING_COST = 4.0
"""What a training step costs, in convolutions of its network: three for the ways forward, back to
the inputs and back to the weights, and one for the rest. Measured: 3.4 of `shallow`, 4.6 of `tiny`
(two Zen 3 cores, 2026-11-29)."""

ROUNDS = 6
"""Convolutions that are timed; the fastest counts, as the first prepares and others may wait."""


class Batches(Protocol):
    """Drawn from the epoch and their number alone."""

    epoch: int

    def __len__(self) -> int: ...


def use_precision(dtype: Literal["auto", "mixed_bfloat16", "float32"]) -> None:
    """Set Keras' global precision; "auto" is mixed_bfloat16 on a CPU that computes in it."""
    if dtype == "auto":
        dtype = "mixed_bfloat16" if BFLOAT16_FLAGS & _cpu_flags() else "float32"
    keras.mixed_precision.set_global_policy(dtype)


def _cpu_flags() -> set[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return set()
    return set(next((line for line in lines if line.startswith("flags")), "").split())


def initial_network(network: Model, recipe: BaseRecipe, directory: Path) -> Model:
    """Return a copy to train, with fused normalization, and the weights of the recipe's start.

    Raises:
        ConfigError: beside `directory` there is no finished training of that name and network.
    """
    network = with_fused_normalization(network)
    if not recipe.start:
        return network
    start = directory.with_name(recipe.start)
    try:
        network.set_weights(keras.saving.load_model(start / MODEL, compile=False).get_weights())
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{start}: expected a finished training of {network.name} to start from"
        ) from error
    return network


def with_fused_normalization(network: Model) -> Model:
    """Return a copy of the network, its weights new, with TensorFlow's fused batch normalization.

    Keras 3 puts batch normalization together from a dozen elementwise operations; the one kernel
    makes a step of `shallow` on two cores a third faster. Weights keep their order.
    """

    def copy(layer: Any) -> Any:
        fused = type(layer) is keras.layers.BatchNormalization
        kind = FusedBatchNormalization if fused else type(layer)
        return kind.from_config(layer.get_config())

    return keras.models.clone_model(network, clone_function=copy)


class FusedBatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]  # untyped
    """Keras' layer, its training step through `FusedBatchNormV3`.

    Checkpoints name its weights by the name of this class.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalize, by the batch's own statistics in training."""
        if not training:
            return super().call(inputs, training=False, mask=mask)
        import tensorflow as tf

        nothing = tf.zeros_like(self.gamma)
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=self.gamma,
            offset=self.beta,
            mean=nothing,
            variance=nothing,
            epsilon=self.epsilon,
            is_training=True,
        )
        for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + value * (1 - self.momentum))
        return outputs


class Float32Copy:
    """Copy of a network in training, in float32 and with Keras' own layers, as `build` makes it."""

    def __init__(self, network: Model, build: Callable[[], Model]) -> None:
        self._network = network
        policy = keras.mixed_precision.dtype_policy()
        keras.mixed_precision.set_global_policy("float32")
        self._copy = build()
        keras.mixed_precision.set_global_policy(policy)

    def current(self) -> Model:
        """Return the copy with the weights of this moment."""
        self._copy.set_weights(self._network.get_weights())
        return self._copy


def fit(
    model: Model,
    copy: Float32Copy,
    batches: Batches,
    recipe: BaseRecipe,
    directory: Path,
    *,
    describe: Callable[[Mapping[str, float]], str],
    announced: bool = False,
    callbacks: Sequence[Any] = (),
    **validation: Any,
) -> None:
    """Train a compiled model, writing its averaged weights into `directory` after every epoch.

    A training that was killed goes on where its last whole epoch ended, exactly as if it had run
    through.

    The model's weights are those of the network that `copy` is of, which is written. `describe`
    puts an epoch's figures in words; `announced` says that it was told already how long this takes.
    More callbacks are called once the averaged weights are in the network; validation is as
    `keras.Model.fit` takes it.
    """
    checkpoint = Checkpoint(directory / CHECKPOINT, batches)
    first = checkpoint.restore(model)
    if not announced:
        samples = (recipe.epochs - first) * len(batches) * recipe.batch_size
        announce([directory.name], estimate_seconds(copy.current(), samples))
    progress = Progress(recipe.epochs, len(batches), describe)
    with resumable(directory), progress.bar:
        model.fit(
            batches,
            initial_epoch=first,
            epochs=recipe.epochs,
            verbose=0,
            shuffle=False,  # the batches are drawn anew, the same way after a resume
            callbacks=[
                checkpoint,
                keras.callbacks.LambdaCallback(
                    on_epoch_end=lambda *_: write_network(copy.current(), directory / MODEL)
                ),
                *callbacks,
                keras.callbacks.CSVLogger(directory / LOG, append=first > 0),
                progress,
            ],
            **validation,
        )


def estimate_seconds(network: Model, samples: int) -> float:
    """Return about how long a training takes that shows a network so many samples in all."""
    return multiply_adds(network) * samples * TRAINING_COST / multiply_adds_per_second()


@cache
def multiply_adds_per_second() -> float:
    """Return how fast this machine convolves, as the networks do, in the precision in use."""
    images = np.zeros((64, 24, 24, 48), np.float32)
    layer = keras.layers.Conv2D(48, 3, padding="same", use_bias=False)
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        np.asarray(layer(images))
        times.append(time.perf_counter() - started)
    return images.size * 9 * 48 / min(times)


def announce(names: Sequence[str], seconds: float) -> None:
    """Say in a line which networks will be trained, where all take longer than ten minutes."""
    if seconds < LONG_S:
        return
    count = "1 network" if len(names) == 1 else f"{len(names)} networks"
    minutes = seconds / 60
    about = f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
    sys.stderr.write(
        f"training {count}: {', '.join(names)}; about {about} on this machine; "
        "Ctrl-C stops it, and the same command goes on\n"
    )


@contextmanager
def resumable(directory: Path) -> Iterator[None]:
    """Say how a training goes on that Ctrl-C ends."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt(
            "stopped; the same command, without --force, goes on after the last whole epoch in "
            f"{directory}"
        ) from error


class Checkpoint(keras.callbacks.SwapEMAWeights):  # type: ignore[misc]  # Keras ships no types
    """Writes weights and optimizer after each epoch, then swaps the weights for their average.

    The next epoch begins with what was written. So a training that runs through and one that is
    taken up again are the same to the last digit: Keras swaps by adding and subtracting, which
    rounds. The file is replaced in one step: a kill leaves the old or the new, never half of one.
    """

    def __init__(self, path: Path, batches: Batches) -> None:
        super().__init__(swap_on_epoch=True)
        self._path = path
        self._batches = batches

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


class Progress(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """A bar with the remaining time on a terminal, and a line for every epoch anywhere."""

    def __init__(
        self, epochs: int, steps: int, describe: Callable[[Mapping[str, float]], str]
    ) -> None:
        super().__init__()
        self._describe = describe
        self._epochs = epochs
        self._steps = steps
        console = Console(file=sys.stderr)
        figures = "{task.percentage:.0f} %, {task.fields[figures]}"
        columns = "{task.description}", BarColumn(), figures, TimeRemainingColumn()
        self.bar = Bar(*columns, console=console, disable=not console.is_terminal)
        self._task = self.bar.add_task("training", total=epochs * steps, figures="")

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Name the epoch."""
        self._epoch = epoch
        self._started = time.monotonic()
        self.bar.update(self._task, description=f"epoch {epoch + 1}/{self._epochs}")

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Move the bar."""
        self.bar.update(self._task, completed=self._epoch * self._steps + batch + 1)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Print the epoch's figures."""
        figures = self._describe(logs or {})
        self.bar.update(self._task, figures=figures)
        took = time.monotonic() - self._started
        self.bar.console.print(
            f"epoch {epoch + 1}/{self._epochs}: {figures}; {took:.0f} s, "
            f"about {took * (self._epochs - epoch - 1) / 60:.0f} min left",
            highlight=False,
            soft_wrap=True,
        )


def draw_curves(log: Path, image: Path, panels: Mapping[str, Mapping[str, str]]) -> None:
    """Draw columns of a training's log.csv, by panel and curve, over its epochs as a PNG."""
    with log.open(newline="") as file:
        rows = list(csv.DictReader(file))
    epochs = [int(row["epoch"]) + 1 for row in rows]
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    plots = figure.subplots(1, len(panels), squeeze=False).flat
    for axes, (title, curves) in zip(plots, panels.items(), strict=True):
        for name, column in curves.items():
            axes.plot(epochs, [float(row[column]) for row in rows], label=name)
        axes.set(title=title, xlabel="epoch")
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    figure.savefig(image, dpi=110)
