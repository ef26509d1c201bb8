"""The networks of face detection: the detector, and the refiner that looks at its finds again.

The detector gives a score and a box for every cell of three grids over the image, 8, 16 and 32
pixels apart. A cell answers for a face of any size whose middle is near, and learns by itself which
(YOLOX, Ge et al. 2021, arXiv:2107.08430; YuNet, Wu et al. 2023, doi:10.1007/s11633-023-1423-y).
"""

from typing import Any

import keras
from keras import layers

Model = Any  # a keras.Model; Keras ships no types

WIDTH = 32  # channels of the other layers: 100 k parameters, a multiple of int8 kernels' 16

NARROW = (8, 24)
"""Channels at half and at a quarter of the size, where each costs most: 16 and 32 took a third more
instructions of a Raspberry Pi 4 and found hardly more (docs/research/detector-training.md)."""

OUTPUTS = {"scores": 1, "boxes": 4}  # numbers for a cell, by which the daemon tells them apart

REFINER_SIDE = 48  # pixels across; 32 let more errors pass (docs/research/detector-training.md)
REFINER_LAYERS = ((16, 2), (32, 2), (48, 1), (64, 2), (64, 1))  # channels and stride, each 3x3
REFINER_OUTPUTS = {"score": 1, "points": 8, "box": 4}  # numbers, which tell them apart


def detector(height: int, width: int, channels: int) -> Model:
    """Return the network for images of one size in pixels; its weights serve every size.

    89 k parameters, 70 M multiply-adds at 320x240. Coarser grids are added to finer ones (feature
    pyramid, Lin et al. 2017, arXiv:1612.03144), and one head of shared weights reads all three.

    It takes values 0-255, (n, height, width, channels), BGR or gray, and gives a dictionary of
    `OUTPUTS`, (n, cells, numbers): the logit of a face; its middle from the cell's, in strides, and
    the logarithms of its width and height in strides. Cells go row by row of each stride.
    """
    image = keras.Input((height, width, channels), name="picture")
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
        (`CONTEXT`). 5.5 M multiply-adds.
    """
    crop = keras.Input((REFINER_SIDE, REFINER_SIDE, 3), name="crop")
    x = layers.Rescaling(1 / 255)(crop)
    for number, (filters, stride) in enumerate(REFINER_LAYERS):
        same = {"padding": "same", "use_bias": False, "name": f"conv_{number}"}
        x = layers.Conv2D(filters, 3, strides=stride, **same)(x)
        x = layers.ReLU()(layers.BatchNormalization(name=f"norm_{number}")(x))
    # A convolution over all that is left, not a dense layer: Muon is for kernels of convolutions.
    x = layers.Conv2D(64, REFINER_SIDE // 8, use_bias=False, name="hidden")(x)
    x = layers.Flatten()(layers.ReLU()(layers.BatchNormalization(name="norm_hidden")(x)))
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


def _halved(x: Any, filters: int, name: str) -> Any:
    # Padded alike on all sides, so that a cell lies at the same place of its grid whatever the
    # image's size; Keras' own padding would depend on whether a side is odd.
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(filters, 3, strides=2, use_bias=False, name=f"{name}_0")(x)
    return _active(x, f"{name}_0")


def _stacked(x: Any, name: str, times: int) -> Any:
    for one in (f"{name}_{number}" for number in range(1, times + 1)):
        x = layers.Conv2D(WIDTH, 3, padding="same", use_bias=False, name=one)(x)
        x = _active(x, one)
    return x


def _active(x: Any, name: str) -> Any:
    return layers.ReLU()(layers.BatchNormalization(name=f"{name}_norm")(x))


def _merged(fine: Any, coarse: Any, name: str) -> Any:
    """Add a coarser grid to a finer one, whose odd last row or column has half a cell to it."""
    coarse = layers.UpSampling2D()(_mixed(coarse, f"{name}_above"))
    over = [(0, have - want) for have, want in zip(coarse.shape[1:3], fine.shape[1:3], strict=True)]
    if any(sum(pair) for pair in over):
        coarse = layers.Cropping2D(over)(coarse)
    return layers.ReLU()(layers.Add()([_mixed(fine, f"{name}_across"), coarse]))


def _mixed(x: Any, name: str) -> Any:
    x = layers.Conv2D(WIDTH, 1, use_bias=False, name=name)(x)
    return layers.BatchNormalization(name=f"{name}_norm")(x)


def _outputs(grids: list[Any]) -> dict[str, Any]:
    # The convolutions are shared, their normalization is not (Lyu et al. 2022, arXiv:2212.07784,
    # section 3.3): what a grid tells has a range of its own.
    tower = layers.Conv2D(WIDTH, 3, padding="same", use_bias=False, name="tower")
    read = [_active(tower(grid), f"tower_{number}") for number, grid in enumerate(grids)]
    outputs = {}
    for name, numbers in OUTPUTS.items():
        # One cell in a hundred is a face to begin with (Lin et al. 2017, arXiv:1708.02002).
        bias = keras.initializers.Constant(-4.6 if name == "scores" else 0.0)
        own = {"name": f"{name}_head", "bias_initializer": bias, "dtype": "float32"}
        head = layers.Conv2D(numbers, 1, **own)
        rows = [layers.Reshape((-1, numbers))(head(grid)) for grid in read]
        outputs[name] = layers.Concatenate(axis=1, dtype="float32", name=name)(rows)
    return outputs
