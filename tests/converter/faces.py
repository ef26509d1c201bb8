"""Tiny sets of drawn faces in the published file forms."""

import csv
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from converter.data import EXPRESSIONS, Dataset, open_dataset
from converter.data.dataset import VOTE_COLUMNS

LABELS = EXPRESSIONS[:7]
"""FER2013's."""

MOUTHS = (-8, -6, 9, 12, -12, 7, 0, 3)
"""How far the drawn mouth of each label bends: enough to learn something from."""


def draw(label: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw a face with a mouth that tells its label."""
    face = np.full((48, 48), rng.integers(120, 200), dtype=np.uint8)
    for x in (15, 33):
        cv2.circle(face, (x + int(rng.integers(-1, 2)), 18), 4, 30, -1)
    points = [(x, 36 + round(MOUTHS[label] * ((x - 24) / 12) ** 2 / 2)) for x in range(12, 37, 4)]
    cv2.polylines(face, [np.array(points, dtype=np.int32)], False, 20, 2 + label % 3)
    return cv2.add(face, rng.integers(0, 12, face.shape, dtype=np.uint8)).astype(np.uint8)


def write_csv(directory: Path, rows_per_label: int = 12) -> tuple[Path, Path]:
    """Write fer2013.csv and fer2013new.csv as published; every fourth row is PublicTest."""
    rng = np.random.default_rng(0)
    data, votes = directory / "fer2013.csv", directory / "fer2013new.csv"
    with data.open("w", newline="") as file, votes.open("w", newline="") as vote_file:
        faces, counts = csv.writer(file), csv.writer(vote_file)
        faces.writerow(["emotion", "pixels", "Usage"])
        counts.writerow(["Usage", "Image name", *VOTE_COLUMNS])
        for number in range(rows_per_label * len(LABELS)):
            label = number % len(LABELS)
            usage = "PublicTest" if (number // len(LABELS)) % 4 == 3 else "Training"
            faces.writerow([label, " ".join(map(str, draw(label, rng).ravel())), usage])
            column = (4, 5, 6, 1, 3, 2, 0)[label]
            ballots = [8 if index == column else 0 for index in range(10)]
            counts.writerow([usage, f"fer{number:07d}.png", *ballots[:-2], 2, 0])
    return data, votes


def write_images(root: Path, *names: str) -> Path:
    """Draw a face into each of the files, such as happy/1.png, below `root`; return `root`."""
    rng = np.random.default_rng(0)
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), draw(3, rng))
    return root


def dataset(directory: Path, rows_per_label: int = 12) -> Dataset:
    """Write the files and read them back."""
    return open_dataset(*write_csv(directory, rows_per_label))
