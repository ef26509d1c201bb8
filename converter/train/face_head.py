"""The output that tells whether a crop is a face, learnt after everything else.

The features are left as they are: only the head learns. So it costs the expressions nothing, not
even the 0.2 points that a second task beside them may.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from converter.models.classifiers import Model
from converter.recipes import Augmentation
from converter.train.augmentation import augment, mirror_half
from converter.train.nonfaces import Crops, draw_nonfaces

FACES = 12_000
"""Of either kind, faces and others; more changed nothing."""

EPOCHS = 12


def fit_face_head(network: Model, faces: Crops, negatives: tuple[Path, ...], seed: int) -> None:
    """Train the layers of `network` that lead from the features to the output `face`.

    Args:
        network: a finished one; changed in place.
        faces: uint8 (n, 48, 48), training faces.
        negatives: photographs without faces.
        seed: of every draw.
    """
    crops, labels = face_or_not(faces, negatives, min(FACES, len(faces)), seed)
    features = keras.Model(network.input, network.get_layer("face_hidden").input)
    known = features.predict(crops[..., None], batch_size=512, verbose=0)
    keras.utils.set_random_seed(seed)
    head = _head(network, known.shape[1])
    head.compile(keras.optimizers.AdamW(1e-3), keras.losses.BinaryCrossentropy(from_logits=True))
    head.fit(known, labels, epochs=EPOCHS, batch_size=256, verbose=0)


def face_or_not(
    faces: Crops, negatives: tuple[Path, ...], count: int, seed: int
) -> tuple[Crops, NDArray[np.float32]]:
    """Return `count` varied faces and as many other crops, and which are faces, (2n, 1)."""
    rng = np.random.default_rng(seed)
    chosen = faces[rng.permutation(len(faces))[:count]]
    # Detectors frame less evenly than FER2013 does: a face a little off is still a face.
    varied = mirror_half(augment(chosen, Augmentation(shift=0.15), rng), rng)
    others = draw_nonfaces(faces, negatives, count, rng)
    labels = np.repeat(np.array([1, 0], dtype=np.float32), count)[:, None]
    return np.concatenate([varied, others]), labels


def _head(network: Model, width: int) -> Any:
    """Return the network's own layers, from the features on, as a network of their own."""
    features = keras.Input((width,))
    hidden = network.get_layer("face_hidden")(features)
    return keras.Model(features, network.get_layer("face")(hidden))
