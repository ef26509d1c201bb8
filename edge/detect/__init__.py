"""Where the faces of a frame are, and which is which from frame to frame."""

from edge.detect.detector import CropFit, Detector
from edge.detect.haar import Haar, HaarSettings
from edge.detect.tracker import Tracker, TrackerSettings

DetectorSettings = HaarSettings

__all__ = [
    "CropFit",
    "Detector",
    "DetectorSettings",
    "HaarSettings",
    "Tracker",
    "TrackerSettings",
    "open_detector",
]


def open_detector(settings: DetectorSettings) -> Detector:
    """Return the detector that `settings` describe."""
    match settings:
        case HaarSettings():
            return Haar(settings)
