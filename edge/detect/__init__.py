"""Face detectors, one a file, and the registry that opens them by their settings."""

from typing import get_args

from edge.detect.auto import AutoSettings, open_best
from edge.detect.blazeface import BlazeFace, BlazeFaceSettings
from edge.detect.builtin import BuiltinDetector, BuiltinSettings
from edge.detect.detector import Detector
from edge.detect.haar import Haar, HaarSettings
from edge.detect.mediapipe import MediaPipe, MediaPipeSettings
from edge.detect.yunet import YuNet, YuNetSettings
from edge.geometry import CropCalibration

DetectorSettings = (
    AutoSettings
    | BuiltinSettings
    | HaarSettings
    | BlazeFaceSettings
    | MediaPipeSettings
    | YuNetSettings
)

__all__ = [
    "AutoSettings",
    "BlazeFaceSettings",
    "BuiltinDetector",
    "BuiltinSettings",
    "CropCalibration",
    "Detector",
    "DetectorSettings",
    "HaarSettings",
    "MediaPipeSettings",
    "YuNetSettings",
    "detector_kinds",
    "open_detector",
]


def detector_kinds() -> tuple[str, ...]:
    """Return what the kinds of detector are called in a config."""
    return tuple(str(kind.__struct_config__.tag) for kind in get_args(DetectorSettings))


def open_detector(settings: DetectorSettings) -> Detector:
    """Return the detector that `settings` describe.

    Raises:
        ConfigError: a file or package that it needs is not there.
        ModelError: its file is damaged.
    """
    match settings:
        case AutoSettings():
            return open_best()
        case BuiltinSettings():
            return BuiltinDetector(settings)
        case HaarSettings():
            return Haar(settings)
        case BlazeFaceSettings():
            return BlazeFace(settings)
        case MediaPipeSettings():
            return MediaPipe(settings)
        case YuNetSettings():
            return YuNet(settings)
