"""The networks, each in one function and untrained: classifiers, the detector and its refiner.

A classifier takes gray values 0-255, (n, 48, 48, 1), and gives a dictionary of float32 logits:

    logits  (n, classes)  the expression; what a recipe's label set names.
    votes   (n, 8)        FER+'s votes over the eight expressions, a second task.
    face    (n, 1)        whether the crop is a face at all; learned last, by itself (face_head).

The detector gives a score and a box for every cell of three grids over the image, 8, 16 and 32
pixels apart. A cell answers for a face of any size whose middle is near, and learns by itself which
(YOLOX, Ge et al. 2021, arXiv:2107.08430; YuNet, Wu et al. 2023, doi:10.1007/s11633-023-1423-y).
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
"""Filters of 3x3 convolutions, by stage, and dropout; with others than multiples of 16, TensorFlow
normalizes ten times as slowly."""

WIDTH = 32  # channels of the detector's grids: 100 k parameters, a multiple of int8 kernels' 16

NARROW = (8, 24)
"""Channels at half and at a quarter of the size, where each costs most: 16 and 32 took a third more
instructions of a Raspberry Pi 4 and found hardly more (docs/research/detector-training.md)."""

OUTPUTS = {"scores": 1, "boxes": 4}  # numbers for a cell, by which the daemon tells them apart

REFINER_SIDE = 48  # pixels across; 32 let more errors pass (docs/research/detector-training.md)
REFINER_LAYERS = ((16, 2), (32, 2), (64, 1), (96, 2), (96, 1))  # channels and stride, each 3x3
REFINER_OUTPUTS = {"score": 1, "points": 8, "box": 4}  # numbers, which tell them apart


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


NETWORKS: dict[str, Callable[[int], Model]] = {"residual": residual}
NETWORKS |= {name: partial(plain, name) for name in PLAIN}


def new_network(recipe: Recipe) -> Model:
    """Return the untrained network that a recipe names, in the global precision."""
    return NETWORKS[recipe.network](len(LABEL_SETS[recipe.label_set].labels))


def detector(height: int, width: int) -> Model:
    """Return the network for images of one size in pixels; its weights serve every size.

    89 k parameters, 70 M multiply-adds at 320x240. Coarser grids are added to finer ones (feature
    pyramid, Lin et al. 2017, arXiv:1612.03144), and one head of shared weights reads all three.

    It takes BGR values 0-255, (n, height, width, 3), and gives a dictionary of
    `OUTPUTS`, (n, cells, numbers): the logit of a face; its middle from the cell's, in strides, and
    the logarithms of its width and height in strides. Cells go row by row of each stride.
    """
    image = keras.Input((height, width, 3), name="picture")
    # Without an offset: padding is then black, and the scale can be made part of the first kernel.
    x = layers.Rescaling(1 / 255)(image)
    x = _halved(x, NARROW[0], "half")
    x = _halved(x, NARROW[1], "quarter")
    fine = _stacked(_halved(x, WIDTH, "fine"), "fine", 2)
    middle = _stacked(_halved(fine, WIDTH, "middle"), "middle", 2)
    coarse = _stacked(_halved(middle, WIDTH, "coarse"), "coarse", 1)
    middle = _merged(middle, coarse, "middle")
    fine = _merged(fine, middle, "fine")
    return keras.Model(image, _outputs([fine, middle, coarse]), name="detector")


def refiner() -> Model:
    """Return the refiner, after the output network of MTCNN (Zhang et al. 2016, arXiv:1604.02878).

    Returns:
        A model from BGR values 0-255, (n, REFINER_SIDE, REFINER_SIDE, 3), to a dictionary of
        `REFINER_OUTPUTS`, each (n, numbers) and float32: the logit of a face; right eye, left eye,
        nose and mouth from the middle of the crop, in sides of it; the middle of the face's box
        likewise, then the logarithms of its width and height, in sides of the crop less its margin
        (`CONTEXT`). 8.8 M multiply-adds.
    """
    crop = keras.Input((REFINER_SIDE, REFINER_SIDE, 3), name="crop")
    x = layers.Rescaling(1 / 255)(crop)
    for number, (filters, stride) in enumerate(REFINER_LAYERS):
        x = _convolution(x, filters, strides=stride, name=f"conv_{number}")
    # A convolution over all that is left, not a dense layer: Muon is for kernels of convolutions.
    x = layers.Flatten()(_convolution(x, 64, REFINER_SIDE // 8, padding="valid", name="hidden"))
    outputs = {
        name: layers.Dense(numbers, dtype="float32", name=name)(x)
        for name, numbers in REFINER_OUTPUTS.items()
    }
    return keras.Model(crop, outputs, name="refiner")


def copy_weights(source: Model, target: Model) -> None:
    """Give a network the weights of one for images of another size, layer by layer."""
    for layer in source.layers:
        if layer.weights:
            target.get_layer(layer.name).set_weights(layer.get_weights())


def _convolution(x: Any, filters: int, size: int = 3, **options: Any) -> Any:
    return layers.ReLU()(_normalized(x, filters, size, **options))


def _normalized(x: Any, filters: int, size: int, name: str | None = None, **options: Any) -> Any:
    options = {"padding": "same", "use_bias": False, "name": name, **options}
    x = layers.Conv2D(filters, size, **options)(x)
    return layers.BatchNormalization(name=name and f"{name}_norm")(x)


def _entry() -> tuple[Any, Any]:
    faces = keras.Input((SIDE, SIDE, 1), name="faces")
    return faces, layers.Rescaling(1 / 127.5, offset=-1.0)(faces)


def _residual_block(x: Any, filters: int, stride: int = 1) -> Any:
    shortcut = x if stride == 1 else layers.AveragePooling2D(2)(x)
    if shortcut.shape[-1] != filters:
        shortcut = _normalized(shortcut, filters, 1)
    y = _normalized(_convolution(x, filters, strides=stride), filters, 3)
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


def _halved(x: Any, filters: int, name: str) -> Any:
    # Padded alike on all sides, so that a cell lies at the same place of its grid whatever the
    # image's size; Keras' own padding would depend on whether a side is odd.
    x = layers.ZeroPadding2D(1)(x)
    return _convolution(x, filters, strides=2, padding="valid", name=f"{name}_0")


def _stacked(x: Any, name: str, times: int) -> Any:
    for number in range(1, times + 1):
        x = _convolution(x, WIDTH, name=f"{name}_{number}")
    return x


def _merged(fine: Any, coarse: Any, name: str) -> Any:
    """Add a coarser grid to a finer one, whose odd last row or column has half a cell to it."""
    coarse = layers.UpSampling2D()(_normalized(coarse, WIDTH, 1, name=f"{name}_above"))
    over = [(0, have - want) for have, want in zip(coarse.shape[1:3], fine.shape[1:3], strict=True)]
    if any(sum(pair) for pair in over):
        coarse = layers.Cropping2D(over)(coarse)
    return layers.ReLU()(layers.Add()([_normalized(fine, WIDTH, 1, name=f"{name}_across"), coarse]))


def _outputs(grids: list[Any]) -> dict[str, Any]:
    # The convolutions are shared, their normalization is not (Lyu et al. 2022, arXiv:2212.07784,
    # section 3.3): what a grid tells has a range of its own.
    tower = layers.Conv2D(WIDTH, 3, padding="same", use_bias=False, name="tower")
    norms = [layers.BatchNormalization(name=f"tower_{number}_norm") for number in range(len(grids))]
    read = [layers.ReLU()(norm(tower(grid))) for norm, grid in zip(norms, grids, strict=True)]
    outputs = {}
    for name, numbers in OUTPUTS.items():
        # One cell in a hundred is a face to begin with (Lin et al. 2017, arXiv:1708.02002).
        bias = keras.initializers.Constant(-4.6 if name == "scores" else 0.0)
        own = {"name": f"{name}_head", "bias_initializer": bias, "dtype": "float32"}
        head = layers.Conv2D(numbers, 1, **own)
        rows = [layers.Reshape((-1, numbers))(head(grid)) for grid in read]
        outputs[name] = layers.Concatenate(axis=1, dtype="float32", name=name)(rows)
    return outputs
