"""Small pictures and files of text, to make sets of."""

from pathlib import Path

import cv2
import numpy as np


def draw(root: Path, *names: str, width: int = 100, height: int = 80) -> Path:
    """Write a gray picture into each of the files below `root`; return `root`."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), np.full((height, width, 3), 90, dtype=np.uint8))
    return root


def write(path: Path, text: str) -> Path:
    """Write a file and the folders above it; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
