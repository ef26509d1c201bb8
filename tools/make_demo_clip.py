"""`python -m tools.make_demo_clip`: makes the built-in clip, seven average faces in turn.

    python -m tools.make_demo_clip --data fer2013.csv --votes fer2013new.csv --out faces.mp4

Each face is the mean of many training faces that look alike and of their mirror images, so no
living person is in the clip.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from converter.commands.options import add_data, load_data
from converter.data import SIDE, Dataset
from converter.data.label_sets import LABEL_SETS, vote_shares
from edge.detect import open_detector
from edge.detect.builtin import BuiltinSettings
from edge.errors import DataError, EmotiondError
from edge.infer.classifier import ClassifierSettings, TFLiteClassifier, open_classifier
from edge.infer.crop import crop_face, measure_quality
from edge.types import Image
from tools.datasets import distinct

FloatImage = NDArray[np.float32]

Score = Callable[[FloatImage, str], float]
"""How well a face, float32 (48, 48), shows a label."""

CLASSES = LABEL_SETS["7"]

ORDER = ("neutral", "happy", "surprise", "fear", "sad", "angry", "disgust")
"""Expressions in the clip, from one to the next by small steps."""

WIDTH, HEIGHT, FPS = 640, 480, 25
FACE_HEIGHT = 260
HOLD_SECONDS, MORPH_SECONDS = 2.2, 0.6
BACKGROUND, FACE, CONTRAST = 150.0, 135.0, 50.0
"""Gray of the background, mean gray of a face, and its standard deviation."""

MAX_SHARPNESS, MAX_CONFIDENCE = 0.07, 0.9
"""Sharpness of a crop (`edge.infer.crop`) and confidence of the detector beyond which a face is
not better. A duller face would be too blurred to be read when it is blended with the next."""

TINT = np.array([0.90, 0.98, 1.06], dtype=np.float32)
"""Blue, green, red: a little warmth for gray images."""

AGREED_FACES = 400
"""Faces of a label on which the taggers agree most; the averages are made of them."""

GROUP_SIZE = 20
"""Most similar faces in one average: more would blur it."""

MAX_CORRELATION = 0.9
"""Correlation above which two images are one photograph cut twice: only one may count."""

EXAGGERATION = 1.5
"""Factor by which an average is moved from the mean of all: averages are tamer than faces."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the clip; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.make_demo_clip", description="Makes the built-in clip."
    )
    parser.add_argument("--out", type=Path, required=True, help="the .mp4 to write")
    add_data(parser)
    options = parser.parse_args(arguments)
    try:
        write_clip(load_data(options), options.out)
    except EmotiondError as error:
        print(f"make_demo_clip: {error}", file=sys.stderr)
        return error.exit_code
    print(f"wrote {options.out}, {options.out.stat().st_size} bytes")
    return 0


def write_clip(data: Dataset, path: Path) -> None:
    """Make the clip from the Training rows of `data` and write it to `path`.

    Raises:
        DataError: `data` has no FER+ votes, or the file cannot be written.
    """
    averages = average_faces(data, daemon_score(open_classifier(ClassifierSettings())))
    faces = [_place(averages[label]) for label in ORDER]
    codec = cv2.VideoWriter.fourcc(*"mp4v")
    writer = cv2.VideoWriter(str(path), codec, FPS, (WIDTH, HEIGHT))
    if not writer.isOpened():
        raise DataError(f"{path}: cannot be written; is the folder there?")
    for index, image in enumerate(_morph(faces)):
        writer.write(_move(image, index / FPS))
    writer.release()


def daemon_score(classifier: TFLiteClassifier) -> Score:
    """Return a score by which a face of the clip is found, cropped and read as the daemon does it.

    A face that the detector does not find, as large as in the clip or a third of that, scores 0.
    """
    detector = open_detector(BuiltinSettings())

    def score(face: FloatImage, label: str) -> float:
        image = _move(_place(face), 0.0)
        small = np.full_like(image, BACKGROUND)
        shrunk = cv2.resize(image, (WIDTH // 3, HEIGHT // 3), interpolation=cv2.INTER_AREA)
        small[: HEIGHT // 3, : WIDTH // 3] = shrunk
        near, far = detector.detect(image), detector.detect(small)
        if len(near) != 1 or len(far) != 1:
            return 0.0
        side = classifier.card.input.shape[0]
        crop = crop_face(image, near[0].box, near[0].points, detector.crop_fit, side)
        output = classifier.classify([crop])
        factors = (
            output.probabilities[0, classifier.card.labels.index(label)],
            min(output.face_scores[0], 0.8),
            min(measure_quality(crop, near[0].box, None).sharpness, MAX_SHARPNESS),
            min(far[0].confidence, MAX_CONFIDENCE),
        )
        return float(np.prod(factors))

    return score


def average_faces(data: Dataset, score: Score) -> dict[str, FloatImage]:
    """Return a symmetrical face, float32 (48, 48), for each label; mean 0, standard deviation 1.

    Args:
        data: with FER+ votes.
        score: chooses among the averages of a label.

    Raises:
        DataError: `data` has no FER+ votes, or no face of some label.
    """
    if not data.votes.any():
        raise DataError("average faces need FER+'s votes; give --votes fer2013new.csv")
    training = distinct(data.split("Training").without_non_faces())
    averages = {label: _averages(_agreed_faces(training, label)) for label in CLASSES.labels}
    mean = np.mean([np.mean(faces, axis=0) for faces in averages.values()], axis=0)
    best: dict[str, FloatImage] = {}
    for label, faces in averages.items():
        exaggerated = [_exaggerate(face, mean) for face in faces]
        scores = [score(face, label) for face in exaggerated]
        best[label] = exaggerated[int(np.argmax(scores))]
    return best


def _agreed_faces(training: Dataset, label: str) -> FloatImage:
    """Return the faces of `label` with most votes for it, float32 (n, 48, 48)."""
    number = CLASSES.labels.index(label)
    labels = np.eye(len(CLASSES.labels), dtype=np.float32)[CLASSES.classes(training)]
    shares = vote_shares(CLASSES.votes(training), labels)
    votes = shares[:, number] * (training.labels == number)
    count = min(AGREED_FACES, int(np.count_nonzero(votes)))
    if count == 0:
        raise DataError(f"no training face of {label!r} has a vote for it")
    return _standardize(training.pixels[np.argsort(-votes, kind="stable")[:count]])


def _standardize(faces: NDArray[np.generic]) -> FloatImage:
    """Give each face mean 0 and deviation 1, so that no bright image outweighs the rest."""
    pixels = faces.astype(np.float32)
    centered = pixels - pixels.mean(axis=(-2, -1), keepdims=True)
    return np.asarray(centered / centered.std(axis=(-2, -1), keepdims=True), dtype=np.float32)


def _averages(faces: FloatImage) -> list[FloatImage]:
    """Average each face with those most like it, and with their mirror images."""
    similarity = np.maximum(_correlation(faces, faces), _correlation(faces, faces[:, :, ::-1]))
    kept: list[int] = []
    for row in range(len(faces)):  # without copies, mirrored or not, of an earlier one
        if not (similarity[row, kept] > MAX_CORRELATION).any():
            kept.append(row)
    faces = faces[kept]
    folded = faces + faces[:, :, ::-1]
    groups = np.argsort(-_correlation(folded, folded), axis=1)[:, :GROUP_SIZE]
    means = (faces[group].mean(axis=0) for group in groups)
    return [_standardize(mean + mean[:, ::-1]) for mean in means]


def _correlation(faces: FloatImage, others: FloatImage) -> FloatImage:
    """Return how alike each pair is, -1 to 1; fine detail does not count."""

    def rows(images: FloatImage) -> FloatImage:
        blurred = _standardize(np.stack([cv2.GaussianBlur(one, (0, 0), 1.0) for one in images]))
        return blurred.reshape(len(images), -1) / np.float32(SIDE)

    return np.asarray(rows(faces) @ rows(others).T)


def _exaggerate(face: FloatImage, mean: FloatImage) -> FloatImage:
    """Move a face away from the mean of all and sharpen what averaging blurred."""
    strong = mean + EXAGGERATION * (face - mean)
    return _standardize(2 * strong - cv2.GaussianBlur(strong, (0, 0), 2.0))


def _place(face: FloatImage) -> FloatImage:
    """Blend one face into the plain background, float32 (HEIGHT, WIDTH)."""
    size = (FACE_HEIGHT, FACE_HEIGHT)
    large = cv2.resize(FACE + CONTRAST * face, size, interpolation=cv2.INTER_CUBIC)
    across, down = np.meshgrid(np.linspace(-1, 1, FACE_HEIGHT), np.linspace(-1, 1, FACE_HEIGHT))
    # A superellipse: rounder than the square of the images, roomier than an oval.
    distance = (np.abs(across) ** 3 + np.abs(down) ** 3) ** (1 / 3)
    weight = np.clip((1.0 - distance) / 0.25, 0, 1).astype(np.float32)
    image = np.full((HEIGHT, WIDTH), BACKGROUND, dtype=np.float32)
    top, left = (HEIGHT - FACE_HEIGHT) // 2, (WIDTH - FACE_HEIGHT) // 2
    patch = image[top : top + FACE_HEIGHT, left : left + FACE_HEIGHT]
    patch += weight * (large - patch)
    return image


def _morph(faces: list[FloatImage]) -> Iterator[FloatImage]:
    """Show each face for a while, then blend it into the next."""
    hold, morph = round(HOLD_SECONDS * FPS), round(MORPH_SECONDS * FPS)
    for face, following in zip(faces, [*faces[1:], None], strict=True):
        for _ in range(hold):
            yield face
        for step in range(morph if following is not None else 0):
            share = (1 - np.cos(np.pi * (step + 1) / (morph + 1))) / 2
            yield np.asarray((1 - share) * face + share * following, dtype=np.float32)


def _move(image: FloatImage, seconds: float) -> Image:
    """Shift and turn a little, as a head does, and tint."""
    angle = 3 * np.sin(2 * np.pi * seconds / 5)
    matrix = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), angle, 1.0)
    matrix[:, 2] += (
        30 * np.sin(2 * np.pi * seconds / 7),
        12 * np.sin(2 * np.pi * seconds / 4),
    )
    moved = cv2.warpAffine(image, matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(np.clip(moved[..., None] * TINT, 0, 255), dtype=np.uint8)


if __name__ == "__main__":
    sys.exit(main())
