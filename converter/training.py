"""Training one network by one recipe."""

from pathlib import Path
from typing import Any

import keras
import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.augmentation import augment, mixup
from converter.datasets import LABELS, Dataset
from converter.networks import NETWORKS, Model
from converter.recipes import Recipe
from edge.errors import DataError


class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras ships no types
    """Augmented batches of (faces (n, 48, 48, 1), targets (n, classes)), reshuffled each epoch.

    Every batch is drawn from (seed, epoch, index) alone, so a run can be repeated exactly.
    """

    def __init__(self, faces: Dataset, recipe: Recipe) -> None:
        super().__init__()
        self._pixels = faces.pixels
        self._targets = faces.targets(recipe.vote_weight)
        self._recipe = recipe
        self._epoch = 0
        self._shuffle()

    def __len__(self) -> int:
        return len(self._pixels) // self._recipe.batch_size

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        size = self._recipe.batch_size
        rows = self._order[index * size : (index + 1) * size]
        rng = np.random.default_rng((self._recipe.seed, self._epoch, index))
        faces, targets = augment(self._pixels[rows], rng), self._targets[rows]
        if self._recipe.mixup:
            faces, targets = mixup(faces, targets, self._recipe.mixup, rng)
        return faces[..., None], targets

    def on_epoch_end(self) -> None:
        """Shuffle; Keras calls it."""
        self._epoch += 1
        self._shuffle()

    def _shuffle(self) -> None:
        rng = np.random.default_rng((self._recipe.seed, self._epoch))
        self._order = rng.permutation(len(self._pixels))


def train(recipe: Recipe, data: Dataset, directory: Path) -> Path:
    """Train `recipe`'s network on the Training rows, watching PublicTest; return its file.

    After every epoch the averaged weights so far are written, so an interrupted run still leaves
    its best work. The last epoch is the one kept: a cosine schedule ends at its best, and picking
    the luckiest of many epochs would overstate the accuracy.

    Args:
        recipe: network and hyper-parameters.
        data: rows of both splits.
        directory: where `model.keras`, `log.csv` and `recipe.json` go; created when missing.

    Raises:
        DataError: there are fewer faces than one batch, or no votes where the recipe wants them.
    """
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "recipe.json").write_bytes(msgspec.json.encode(recipe))
    keras.utils.set_random_seed(recipe.seed)
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    batches = Batches(data.split("Training").faces(), recipe)
    if len(batches) == 0:
        raise DataError(f"expected at least {recipe.batch_size} training faces, one batch")
    network = NETWORKS[recipe.network](len(LABELS))
    network.compile(
        optimizer=_optimizer(recipe, steps=len(batches)),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,  # XLA's convolutions on a CPU are half as fast as oneDNN's
    )
    model = directory / "model.keras"
    test = data.split("PublicTest")
    network.fit(
        batches,
        epochs=recipe.epochs,
        validation_data=(test.pixels[..., None].astype(np.float32), test.targets(0)),
        validation_batch_size=512,
        verbose=2,
        callbacks=[
            keras.callbacks.SwapEMAWeights(swap_on_epoch=True),
            _SaveAsFloat32(model, recipe.network),
            keras.callbacks.CSVLogger(directory / "log.csv"),
        ],
    )
    return model


def _optimizer(recipe: Recipe, steps: int) -> Any:
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0,
        warmup_target=recipe.learning_rate,
        warmup_steps=recipe.warmup_epochs * steps,
        decay_steps=(recipe.epochs - recipe.warmup_epochs) * steps,
    )
    optimizer = keras.optimizers.SGD(
        schedule,
        momentum=0.9,
        nesterov=True,
        weight_decay=recipe.weight_decay,
        use_ema=True,
        ema_momentum=recipe.ema,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


class _SaveAsFloat32(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """Writes the network in float32 after each epoch: bfloat16 is for training alone."""

    def __init__(self, path: Path, network: str) -> None:
        super().__init__()
        self._path = path
        self._network = network

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        policy = keras.mixed_precision.global_policy()
        keras.mixed_precision.set_global_policy("float32")
        plain: Model = NETWORKS[self._network](len(LABELS))
        keras.mixed_precision.set_global_policy(policy)
        plain.set_weights(self.model.get_weights())
        partial = self._path.with_name("partial.keras")
        plain.save(partial)
        partial.replace(self._path)
