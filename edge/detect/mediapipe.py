"""MediaPipe detector: BlazeFace run by MediaPipe's own package."""

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any

import cv2
import msgspec
import numpy as np

from edge.detect.blazeface import VARIANTS, BlazeFaceVariant
from edge.detect.model_files import SHORT_RANGE, find_published
from edge.errors import ConfigError
from edge.geometry import Box, KeyPoints, Point
from edge.types import Face, Image

Search = Callable[[Image], list[Face]]
"""Function from an RGB image to its faces."""


class MediaPipeSettings(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="mediapipe"
):
    """Choice of the network.

    Attributes:
        range: how far away faces may be; releases after 0.10.21 know the short one only.
        min_confidence: least confidence of a face, 0-1; None takes what MediaPipe asks for, 0.6
            (full) or 0.5 (short), and release 0.10.21 allows no less.
    """

    range: BlazeFaceVariant = BlazeFaceVariant.FULL
    min_confidence: Annotated[float, msgspec.Meta(gt=0.0, lt=1.0)] | None = None

    def open(self) -> "MediaPipe":
        """Load the package; errors as `MediaPipe`."""
        return MediaPipe(self)


class MediaPipe:
    """Detector that runs MediaPipe's graph around the same networks as `BlazeFace`.

    Raises:
        ConfigError: the package is not installed, or this release cannot run the network.
    """

    name = "mediapipe"
    searches_near = False

    def __init__(self, settings: MediaPipeSettings) -> None:
        self.crop_fit = VARIANTS[settings.range].crop_fit
        self._threshold = settings.min_confidence or VARIANTS[settings.range].min_confidence
        self._search = _open_search(settings.range, self._threshold)

    def detect(self, image: Image, known: Sequence[Box] = ()) -> list[Face]:
        """Return the faces; known ones make no difference."""
        rgb = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)
        # The graph of 0.10.21 takes a threshold and ignores it.
        return [face for face in self._search(rgb) if face.confidence >= self._threshold]


def _open_search(variant: BlazeFaceVariant, threshold: float) -> Search:
    try:
        import mediapipe
    except ImportError as error:
        raise ConfigError(
            f"mediapipe cannot be loaded ({error}): pip install 'emotiond[mediapipe]'"
        ) from error
    if hasattr(mediapipe, "solutions"):
        return _open_solution(mediapipe.solutions.face_detection, variant, threshold)
    return _open_task(mediapipe, variant, threshold)


def _open_solution(package: Any, variant: BlazeFaceVariant, threshold: float) -> Search:
    """Open the graph of releases up to 0.10.21, which carry both networks."""
    graph = package.FaceDetection(
        min_detection_confidence=threshold, model_selection=int(variant is BlazeFaceVariant.FULL)
    )

    def search(image: Image) -> list[Face]:
        height, width = image.shape[:2]
        detections = graph.process(image).detections or []
        return [_from_solution(one, width, height) for one in detections]

    return search


def _from_solution(detection: Any, width: int, height: int) -> Face:
    data = detection.location_data
    box = data.relative_bounding_box
    left, top = box.xmin * width, box.ymin * height
    corner = (left + box.width * width, top + box.height * height)
    points = _points(data.relative_keypoints, width, height)
    return Face(Box(left, top, *corner), float(detection.score[0]), points)


def _open_task(package: Any, variant: BlazeFaceVariant, threshold: float) -> Search:
    """Open the detector of later releases, which accept the short-range file alone."""
    path = find_published(SHORT_RANGE) if variant is BlazeFaceVariant.SHORT else None
    if path is None:
        raise ConfigError(
            f"mediapipe {package.__version__} runs range: short alone, with the file that "
            "`emotiond models fetch blazeface` gets; or pip install 'emotiond[mediapipe]'"
        )
    options = package.tasks.vision.FaceDetectorOptions(
        base_options=package.tasks.BaseOptions(model_asset_path=str(path)),
        min_detection_confidence=threshold,
    )
    detector = package.tasks.vision.FaceDetector.create_from_options(options)

    def search(image: Image) -> list[Face]:
        height, width = image.shape[:2]
        rgb = package.Image(image_format=package.ImageFormat.SRGB, data=image)
        return [_from_task(one, width, height) for one in detector.detect(rgb).detections]

    return search


def _from_task(detection: Any, width: int, height: int) -> Face:
    box = detection.bounding_box
    corner = (box.origin_x + box.width, box.origin_y + box.height)
    points = _points(detection.keypoints, width, height)
    return Face(
        Box(box.origin_x, box.origin_y, *corner), float(detection.categories[0].score), points
    )


def _points(points: Iterable[Any], width: int, height: int) -> KeyPoints:
    return KeyPoints(*(Point(point.x * width, point.y * height) for point in points))
