"""One look at a face: what a classifier saw in it, and how well it could be seen."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge.detect import CropFit
from edge.infer.classifier import Classifier
from edge.infer.crop import crop_face
from edge.infer.quality import QualitySettings, measure, reasons
from edge.records import Face, Image, Probabilities, Quality, Reason, Track


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a face.

    Attributes:
        probabilities: of the classes, float32 (classes,).
        accepted: whether the model takes the crop for a face.
        quality: of the crop.
        poor: what the quality says against reading it.
    """

    probabilities: Probabilities
    accepted: bool
    quality: Quality
    poor: tuple[Reason, ...]

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Everything that speaks against reading it.

        A poor crop of a face is often refused as none, so a refusal counts by itself alone.
        """
        return self.poor or (() if self.accepted else (Reason.NOT_A_FACE,))


class Looker:
    """Crops faces, classifies them and judges the crops.

    Args:
        classifier: names the expressions.
        crop_fit: of the detector that found the faces.
        quality: what makes a crop poor.
    """

    def __init__(self, classifier: Classifier, crop_fit: CropFit, quality: QualitySettings) -> None:
        self.labels = classifier.card.labels
        self._classifier = classifier
        self._threshold = classifier.card.face.threshold if classifier.card.face else 0.0
        self._crop_fit = crop_fit
        self._quality = quality

    def look(self, image: Image, faces: Sequence[Face | Track]) -> list[Look]:
        """Return one look at each of the faces in a frame."""
        side, fit = self._classifier.card.input.shape[0], self._crop_fit
        crops = [crop_face(image, face.box, face.points, fit, side) for face in faces]
        reading = self._classifier.classify(crops)
        qualities = [
            measure(crop, fit.square(face.box), face.points)
            for crop, face in zip(crops, faces, strict=True)
        ]
        return [
            Look(probabilities, bool(face >= self._threshold), quality, self._poor(quality))
            for probabilities, face, quality in zip(
                reading.probabilities, reading.face, qualities, strict=True
            )
        ]

    def _poor(self, quality: Quality) -> tuple[Reason, ...]:
        return reasons(quality, self._quality)
