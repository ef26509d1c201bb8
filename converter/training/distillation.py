"""Teachers: finished networks whose judgement of every face a student learns from."""

from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from converter.data import EXPRESSIONS
from converter.networks.classifiers import Model, new_network
from converter.recipes import Distillation, Recipe
from converter.training.augmentation import Faces, Targets
from converter.training.batches import Views
from converter.training.folder import MODEL, read_recipe
from edge.errors import ConfigError
from edge.tflite import softmax

Judgements = NDArray[np.float16]
"""float16 (views, n, classes + 8): a teacher's logits."""


def teach(teachers: tuple[Path, ...], views: Views, how: Distillation) -> Targets:
    """Return the mean probabilities of all teachers over `how.views` views of each face.

    Each teacher's logits are kept beside it, so that a second student, or a resumed one, need
    not ask again.

    Args:
        teachers: folders of finished trainings.
        views: variations of the training faces.
        how: how many of them.

    Returns:
        float32 (n, classes + 8).

    Raises:
        ConfigError: a teacher is missing.
    """
    judged = [_logits(teacher, views, how.views) for teacher in teachers]
    return np.asarray(np.mean([_probabilities(logits) for logits in judged], axis=0))


def _probabilities(logits: Judgements) -> Targets:
    """Return the mean over all views, float32 (n, classes + 8); each head's sum to 1."""
    classes = logits.shape[2] - len(EXPRESSIONS)
    wide = logits.astype(np.float32)
    heads = (wide[..., :classes], wide[..., classes:])
    means = [np.mean([softmax(view, 1.0) for view in head], axis=0) for head in heads]
    return np.hstack(means)


def _logits(teacher: Path, views: Views, count: int) -> Judgements:
    """Return one teacher's logits, from its folder or, the first time, from itself."""
    kept = teacher / f"logits-{views.digest(count)}.npy"
    if not kept.exists():
        logits = _judge(teacher, views, count)
        partial = kept.with_name("partial.npy")
        np.save(partial, logits)
        partial.replace(kept)
    return np.asarray(np.load(kept))


def _judge(teacher: Path, views: Views, count: int) -> Judgements:
    network = _load(teacher)
    outputs = [network.output["logits"], network.output["votes"]]
    network = keras.Model(network.input, keras.ops.concatenate(outputs, axis=-1))
    judged = (_ask(network, views[view]) for view in range(count))
    return np.stack([logits.astype(np.float16) for logits in judged])


def _ask(network: Model, faces: Faces) -> NDArray[np.float32]:
    """Return the mean logits of the faces and their mirror images: two looks are wiser than one."""
    looks = [
        network.predict(look[..., None], batch_size=512, verbose=0)
        for look in (faces, faces[:, :, ::-1])
    ]
    return np.asarray(np.mean(looks, axis=0), dtype=np.float32)


def _load(teacher: Path) -> Model:
    """Build the teacher anew in the training's own precision: bfloat16 halves the wait."""
    try:
        network = new_network(read_recipe(teacher, Recipe))
        network.load_weights(teacher / MODEL)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{teacher}: holds no finished training to learn from") from error
    return network
