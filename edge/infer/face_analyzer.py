"""One look at a face: what a classifier saw in it, and how well it could be seen."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from edge.detect import CropCalibration
from edge.infer.classifier import Classifier, ClassifierOutput
from edge.infer.crop import crop_face
from edge.infer.quality import QualitySettings, measure, reasons
from edge.types import Face, GrayImage, Image, Probabilities, Quality, Reason, Track

ALIKE = 1.5
"""Mean difference in grey values up to which a crop says what an earlier one said. On the built-in
clip 48 % of the crops are then read, on clips of people who sign 81 to 88 %, and the probabilities
that stand in differ by 0.003 to 0.015 (half the sum of differences) from those that would have been
read; from one frame to the next they differ by 0.03 to 0.04. With 2.0 one label more flickered on
the clip (2026-11-27)."""

NOTHING = ClassifierOutput(np.empty((0, 0), np.float32), np.empty(0, np.float32))


@dataclass(frozen=True, slots=True)
class FaceObservation:
    """One look at a face.

    Attributes:
        probabilities: of the classes, float32 (classes,).
        accepted: whether the model takes the crop for a face.
        quality: of the crop.
        poor: what the quality says against reading it.
        crop: what was looked at.
    """

    probabilities: Probabilities
    accepted: bool
    quality: Quality
    poor: tuple[Reason, ...]
    crop: GrayImage

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Everything that speaks against reading it.

        A poor crop of a face is often refused as none, so a refusal counts by itself alone.
        """
        return self.poor or (() if self.accepted else (Reason.NOT_A_FACE,))


class FaceAnalyzer:
    """Crops faces, classifies them and judges the crops.

    Args:
        classifier: names the expressions.
        crop_fit: of the detector that found the faces.
        quality: what makes a crop poor.
    """

    def __init__(
        self, classifier: Classifier, crop_fit: CropCalibration, quality: QualitySettings
    ) -> None:
        self.labels = classifier.card.labels
        self._classifier = classifier
        self._threshold = classifier.card.face.threshold if classifier.card.face else 0.0
        self._crop_fit = crop_fit
        self._quality = quality

    def look(
        self,
        image: Image,
        faces: Sequence[Face | Track],
        before: Sequence[FaceObservation | None] = (),
        mirror: bool = False,
    ) -> list[FaceObservation]:
        """Return one look at each of the faces in a frame.

        Args:
            image: the frame.
            faces: where they are.
            before: an earlier look at each, which is returned where its face looks the same; none
                looks at all anew.
            mirror: whether each crop's mirror image is read too.
        """
        side, fit = self._classifier.card.input.shape[0], self._crop_fit
        crops = [crop_face(image, face.box, face.points, fit, side) for face in faces]
        earlier = before or [None] * len(crops)
        kept = [
            look if look is not None and crops_similar(look.crop, crop) else None
            for look, crop in zip(earlier, crops, strict=True)
        ]
        new = [place for place, look in enumerate(kept) if look is None]
        read = self._read([crops[place] for place in new], [faces[place] for place in new], mirror)
        return [next(read) if look is None else look for look in kept]

    def _read(
        self, crops: Sequence[GrayImage], faces: Sequence[Face | Track], mirror: bool
    ) -> Iterator[FaceObservation]:
        """Yield a look at each crop."""
        reading = self._classifier.classify(crops, mirror) if crops else NOTHING
        rows = zip(reading.probabilities, reading.face, crops, faces, strict=True)
        for probabilities, face, crop, found in rows:
            quality = measure(crop, self._crop_fit.square(found.box), found.points)
            poor = reasons(quality, self._quality)
            yield FaceObservation(probabilities, bool(face >= self._threshold), quality, poor, crop)


def crops_similar(before: GrayImage, after: GrayImage) -> bool:
    """Tell whether two crops of one face differ by so little that they need not both be read."""
    return bool(cv2.norm(before, after, cv2.NORM_L1) <= ALIKE * before.size)
