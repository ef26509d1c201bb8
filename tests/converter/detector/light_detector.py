"""A detector's network whose weights are set by hand, so that its answers are plain to see."""

from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np

from converter.detector.annotations import AnnotatedImage, Split
from converter.models import detector
from tests.converter.detector.drawn import SMALL

SIDE = 24
"""Pixels of the lights that it takes for faces: three cells of the finest grid."""

RECIPE = msgspec.structs.replace(SMALL, height=96, width=128)


def light_seer(height: int, width: int) -> Any:
    """Return a network that calls each bright cell of the finest grid a face around it.

    The brightness of blue is handed on by the middle of every kernel, and the coarser grids see
    nothing.
    """
    network = detector(height, width)
    for layer in network.layers:
        weights = [np.zeros_like(weight) for weight in layer.get_weights()]
        if layer.name.endswith("_norm"):
            weights = [np.ones_like(weights[0]), *weights[1:3], np.ones_like(weights[3])]
        elif weights:
            rows, columns = weights[0].shape[:2]
            weights[0][rows // 2, columns // 2, 0, 0] = "middle" not in layer.name
        layer.set_weights(weights)
    _set_head(network, "scores", kernel=16.0, bias=[-8.0])
    _set_head(network, "boxes", kernel=0.0, bias=[0, 0, np.log(SIDE / 8), np.log(SIDE / 8)])
    return network


def _set_head(network: Any, name: str, kernel: float, bias: list[float]) -> None:
    layer = network.get_layer(f"{name}_head")
    weights = np.zeros_like(layer.get_weights()[0])
    weights[0, 0, 0, 0] = kernel
    layer.set_weights([weights, np.array(bias)])


def write_night(path: Path, *middles: tuple[int, int], split: Split) -> AnnotatedImage:
    """Write a dark picture of 128x96 with a light of one cell at each place, and its faces."""
    image = np.zeros((96, 128, 3), np.uint8)
    boxes = []
    for x, y in middles:
        image[y - 4 : y + 4, x - 4 : x + 4] = 255
        boxes.append([x - SIDE / 2, y - SIDE / 2, x + SIDE / 2, y + SIDE / 2])
    cv2.imwrite(str(path), image)
    faces = np.array(boxes, np.float32).reshape(-1, 4)
    return AnnotatedImage(path, 128, 96, faces, np.zeros(len(faces), bool), "nights", split)


def write_training(directory: Path) -> Path:
    """Write what a finished training leaves of the network and its recipe."""
    directory.mkdir(parents=True, exist_ok=True)
    light_seer(RECIPE.height, RECIPE.width).save(directory / "model.keras")
    (directory / "recipe.json").write_bytes(msgspec.json.encode(RECIPE))
    (directory / "material.json").write_text(
        '{"photographs": 40, "faces": 60, "watched": 3, "sources": ["nights"], "portraits": 0}'
    )
    return directory
