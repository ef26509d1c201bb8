"""The built-in clip: seven average faces, each turning into the next.

No living person is in it: every face is the mean of many and of their mirror images.
"""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from converter.datasets import Dataset
from edge.detect import BuiltinSettings, open_detector
from edge.errors import DataError
from edge.infer.classifier import Classifier, ClassifierSettings, open_classifier
from edge.infer.crop import crop_face
from edge.infer.quality import measure
from edge.types import Image
from tools.average_faces import Picture, Reader, average_faces

ORDER = ("neutral", "happy", "surprise", "fear", "sad", "angry", "disgust")
"""From one face to the next, by small steps."""

WIDTH, HEIGHT, FPS = 640, 480, 25
FACE_HEIGHT = 260
HOLD_SECONDS, MORPH_SECONDS = 2.2, 0.6
BACKGROUND, FACE, CONTRAST = 150.0, 135.0, 50.0
"""Gray of the background, mean gray of a face, and its deviation."""

SHARP, SURE = 0.07, 0.9
"""Sharpness of a crop (`edge.infer.quality`) and confidence of the detector beyond which a face is
not better. Blended with the next, a duller face would be too blurred to be read."""

TINT = np.array([0.90, 0.98, 1.06], dtype=np.float32)
"""Blue, green, red: a little warmth for grey pictures."""


def write_clip(data: Dataset, path: Path) -> None:
    """Make the clip from the Training rows of `data` and write it to `path`.

    Raises:
        DataError: `data` has no FER+ votes, or the file cannot be written.
    """
    averages = average_faces(data, as_daemon(open_classifier(ClassifierSettings())))
    faces = [_lay_out(averages[label]) for label in ORDER]
    codec = cv2.VideoWriter.fourcc(*"mp4v")
    writer = cv2.VideoWriter(str(path), codec, FPS, (WIDTH, HEIGHT))
    if not writer.isOpened():
        raise DataError(f"{path}: cannot be written; is the folder there?")
    for index, picture in enumerate(_morph(faces)):
        writer.write(_move(picture, index / FPS))
    writer.release()


def as_daemon(classifier: Classifier) -> Reader:
    """Return a reader that finds, crops and reads a face of the clip as the daemon does.

    A face that the detector does not find, as large as in the clip or a third of that, reads as
    nothing.
    """
    detector = open_detector(BuiltinSettings())

    def read(face: Picture, label: str) -> float:
        image = _move(_lay_out(face), 0.0)
        small = np.full_like(image, BACKGROUND)
        shrunk = cv2.resize(image, (WIDTH // 3, HEIGHT // 3), interpolation=cv2.INTER_AREA)
        small[: HEIGHT // 3, : WIDTH // 3] = shrunk
        found, far = detector.detect(image), detector.detect(small)
        if len(found) != 1 or len(far) != 1:
            return 0.0
        side = classifier.card.input.shape[0]
        crop = crop_face(image, found[0].box, found[0].points, detector.crop_fit, side)
        reading = classifier.classify([crop])
        named = reading.probabilities[0, classifier.card.labels.index(label)]
        sharpness = measure(crop, found[0].box, None).sharpness
        parts = (
            named,
            min(reading.face[0], 0.8),
            min(sharpness, SHARP),
            min(far[0].confidence, SURE),
        )
        return float(np.prod(parts))

    return read


def _lay_out(face: Picture) -> Picture:
    """Blend one face into the plain background, float32 (HEIGHT, WIDTH)."""
    size = (FACE_HEIGHT, FACE_HEIGHT)
    large = cv2.resize(FACE + CONTRAST * face, size, interpolation=cv2.INTER_CUBIC)
    across, down = np.meshgrid(np.linspace(-1, 1, FACE_HEIGHT), np.linspace(-1, 1, FACE_HEIGHT))
    # A superellipse: rounder than the square of the pictures, roomier than an oval.
    distance = (np.abs(across) ** 3 + np.abs(down) ** 3) ** (1 / 3)
    weight = np.clip((1.0 - distance) / 0.25, 0, 1).astype(np.float32)
    picture = np.full((HEIGHT, WIDTH), BACKGROUND, dtype=np.float32)
    top, left = (HEIGHT - FACE_HEIGHT) // 2, (WIDTH - FACE_HEIGHT) // 2
    place = picture[top : top + FACE_HEIGHT, left : left + FACE_HEIGHT]
    place += weight * (large - place)
    return picture


def _morph(faces: list[Picture]) -> Iterator[Picture]:
    """Show each face for a while, then blend it into the next."""
    hold, morph = round(HOLD_SECONDS * FPS), round(MORPH_SECONDS * FPS)
    for face, following in zip(faces, [*faces[1:], None], strict=True):
        for _ in range(hold):
            yield face
        for step in range(morph if following is not None else 0):
            share = (1 - np.cos(np.pi * (step + 1) / (morph + 1))) / 2
            yield np.asarray((1 - share) * face + share * following, dtype=np.float32)


def _move(picture: Picture, seconds: float) -> Image:
    """Shift and turn a little, as a head does, and tint."""
    angle = 3 * np.sin(2 * np.pi * seconds / 5)
    matrix = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), angle, 1.0)
    matrix[:, 2] += (
        30 * np.sin(2 * np.pi * seconds / 7),
        12 * np.sin(2 * np.pi * seconds / 4),
    )
    moved = cv2.warpAffine(picture, matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(np.clip(moved[..., None] * TINT, 0, 255), dtype=np.uint8)
