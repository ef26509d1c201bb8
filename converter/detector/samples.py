"""Samples: images, the faces in them and their landmarks, and those that validate a training."""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from converter.detector import average_precision as ap
from converter.detector.annotations import AnnotatedImage, Boxes, of_split
from converter.detector.evaluate import find_faces
from converter.detector.loss import STRIDES
from converter.models import Model
from edge.detect.builtin import cells, decode, letterbox, nms
from edge.detect.detector import Detector
from edge.detect.yunet import YuNet, YuNetSettings
from edge.errors import DataError
from edge.types import Face, Image

ENLARGED = 2  # how many times as large a teacher sees each image: it finds smaller faces then
MIN_CONFIDENCE = 0.6  # confidence from which a teacher is believed in a face that nobody marked
MIN_IOU = 0.4  # overlap (IoU) at which a teacher's face is a marked one
VALIDATION_SHARE = 12  # one of so many training images is validated on and not learned from
Points = NDArray[np.float32]  # right and left eye, nose, mouth, (n, 4, 2) pixels; nan: unknown


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSample:
    """A BGR image and its faces, of which the `ignored` are neither face nor background."""

    image: Image
    boxes: Boxes
    points: Points
    ignored: NDArray[np.bool_]

    @property
    def heights(self) -> NDArray[np.float32]:
        """Those of the faces, (n,), 0 of the ignored ones."""
        return np.where(self.ignored, 0, self.boxes[:, 3] - self.boxes[:, 1])


def open_teacher(model: Path) -> Detector:
    """Return the detector that teaches: YuNet with the network in `model`; errors as there."""
    return YuNet(YuNetSettings(model=model, width=4096, min_confidence=0.4))


def read_samples(files: Iterable[AnnotatedImage], teacher: Detector | None) -> list[TrainingSample]:
    """Read images; a teacher adds the points of faces, and ignored boxes that it alone sees."""
    return [_pseudo_label(one, teacher) for one in files]


def _pseudo_label(annotated: AnnotatedImage, teacher: Detector | None) -> TrainingSample:
    image, boxes, ignored = annotated.read(), annotated.boxes, annotated.ignored
    points = _unknown_points(len(boxes))
    # People searched an image without faces: what a teacher sees there is an error.
    if teacher is None or len(boxes) == 0:
        return TrainingSample(image, boxes, points, ignored)
    larger = cv2.resize(image, None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_CUBIC)
    faces = teacher.detect(np.asarray(larger, dtype=np.uint8))
    edges = np.array([face.box.edges for face in faces], np.float32).reshape(-1, 4)
    found = edges / np.float32(ENLARGED)
    ious = ap.overlaps(found, boxes)
    for row, face in enumerate(faces):
        best = int(ious[row].argmax())
        if ious[row, best] >= MIN_IOU and ious[:, best].argmax() == row:
            points[best] = points_of_face(face) / ENLARGED
    sure = np.array([face.confidence for face in faces], np.float32) >= MIN_CONFIDENCE
    unmarked = found[(ious.max(axis=1) < MIN_IOU) & sure]
    points = np.concatenate([points, _unknown_points(len(unmarked))])
    ignored = np.concatenate([ignored, np.ones(len(unmarked), bool)])
    return TrainingSample(image, np.concatenate([boxes, unmarked]), points, ignored)


def _unknown_points(count: int) -> Points:
    return np.full((count, 4, 2), np.nan, np.float32)


def points_of_face(face: Face) -> NDArray[np.float32]:
    """Return a face's points in the order of `Points`, float32 (4, 2)."""
    return np.array(face.points[:4] if face.points else _unknown_points(1)[0], np.float32)


def closeup_samples(
    faces: NDArray[np.uint8], teacher: Detector, seed: int
) -> Iterator[TrainingSample]:
    """Yield faces cut close, uint8 (n, side, side), that the teacher finds laid into a canvas."""
    for row, _, square, face in find_faces(teacher, faces, seed):
        pixels, corner = faces[row], np.array(square[:2], np.float32)
        scale = np.float32(len(pixels) / square.height)
        box = np.array(face.box, np.float32).reshape(1, 2, 2)
        yield TrainingSample(
            np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR), dtype=np.uint8),
            ((box - corner) * scale).reshape(1, 4),
            (points_of_face(face)[None] - corner) * scale,
            np.zeros(1, bool),
        )


def is_validation(image: AnnotatedImage) -> bool:
    """Tell whether a training image is one to validate on, by its name alone."""
    return zlib.crc32(image.path.name.encode()) % VALIDATION_SHARE == 0


class DataSummary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Summary of a detector's training data: the watched are validated on, portraits cut close."""

    photographs: int
    faces: int
    watched: int
    sources: tuple[str, ...]
    portraits: int


class TrainingData(NamedTuple):
    """Samples with faces, faces cut close and samples without any; others to validate on."""

    samples: Sequence[TrainingSample]
    closeups: Sequence[TrainingSample]
    empty: Sequence[TrainingSample]
    validation: Sequence[TrainingSample]
    summary: DataSummary


def prepare_data(
    images: Sequence[AnnotatedImage], teacher: Detector | None, closeups: Sequence[TrainingSample]
) -> TrainingData:
    """Read the training images, let a teacher label them, and set a twelfth aside."""
    training = of_split(images, "train")
    watched = [one for one in training if is_validation(one)]
    learned = [one for one in training if not is_validation(one)]
    samples = read_samples([one for one in learned if len(one.boxes)], teacher)
    validation = read_samples(watched, teacher)
    if not samples or not any(len(one.boxes) for one in validation):
        wanted = "training photographs with faces, enough to set a twelfth aside"
        raise DataError(f"expected {wanted}, found {len(samples)} to learn from")
    empty = read_samples([one for one in learned if not len(one.boxes)], None)
    summary = DataSummary(
        photographs=len(learned),
        faces=sum(int((~one.ignored).sum()) for one in learned),
        watched=len(watched),
        sources=tuple(sorted({one.source for one in training})),
        portraits=len(closeups),
    )
    return TrainingData(samples, closeups, empty, validation, summary)


class ValidationSet:
    """Images, fitted into a network's input of that height and width, and their faces."""

    def __init__(self, samples: Sequence[TrainingSample], size: tuple[int, int]) -> None:
        self._grid = cells(size, STRIDES)
        self.images = np.zeros((len(samples), *size, 3), np.uint8)
        self.truth: list[ap.Truth] = []
        for sample, image in zip(samples, self.images, strict=True):
            scale = letterbox(sample.image, image)
            self.truth.append(ap.Truth(sample.boxes * np.tile(scale, 2), sample.ignored))

    def average_precision(self, network: Model) -> float:
        """Return it at IoU 0.4, of faces of 16 pixels and more."""
        return ap.precision_recall(self.find(network), self.truth).average_precision

    def find(self, network: Model) -> list[ap.Detections]:
        """Return what a network finds: one box a face."""
        found: list[ap.Detections] = []
        if not len(self.images):
            return found
        answer = network.predict(self.images, batch_size=32, verbose=0)
        for scores, boxes in zip(answer["scores"], answer["boxes"], strict=True):
            confidences, values = decode(scores, boxes, self._grid, ap.MIN_SCORE)
            kept = nms(confidences, values)
            found.append(ap.Detections(values[kept, :4], confidences[kept]))
        return found
