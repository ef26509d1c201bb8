import cv2
import numpy as np

from edge.bench.plot import plot
from tests.edge.bench.results import result


def test_accuracy_and_stages_are_drawn() -> None:
    image = cv2.imdecode(np.frombuffer(plot(result()), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert image.shape[1] > 1000
    colors = {tuple(pixel) for pixel in image.reshape(-1, 3).tolist()}
    assert {(0xB2, 0x72, 0x00), (0x00, 0x9F, 0xE6), (0xE9, 0xB4, 0x56)} <= colors


def test_what_was_not_measured_leaves_its_half_empty() -> None:
    assert plot(result(models=[], pipeline=[])).startswith(b"\x89PNG")
