"""Face detectors, one a file, and the registry that opens them by their settings."""

import logging
from typing import get_args

from edge.detect.blazeface import BlazeFaceSettings, MediaPipeSettings
from edge.detect.builtin import BuiltinSettings
from edge.detect.detector import Detector
from edge.detect.haar import HaarSettings
from edge.detect.yunet import YuNetSettings
from edge.errors import ConfigError, ModelError
from edge.types import KindSettings

log = logging.getLogger(__name__)


class AutoSettings(KindSettings, frozen=True, tag="auto"):
    """Takes the first registered detector that can be opened."""


NamedDetectorSettings = (
    BuiltinSettings | YuNetSettings | BlazeFaceSettings | MediaPipeSettings | HaarSettings
)
"""Registry of the detectors, in the order in which `auto` tries them: the built-in one, then from
the one that finds most to the one that needs no file (docs/research/detectors.md)."""

DetectorSettings = AutoSettings | NamedDetectorSettings

AUTO_ORDER: tuple[type[NamedDetectorSettings], ...] = get_args(NamedDetectorSettings)


def detector_kinds() -> tuple[str, ...]:
    """Return what the kinds of detector are called in a config, but for `auto`."""
    return tuple(str(kind.__struct_config__.tag) for kind in AUTO_ORDER)


def open_detector(settings: DetectorSettings) -> Detector:
    """Return the detector that `settings` describe; the log says which `auto` took, and why.

    What it needs and lacks is a ConfigError, a damaged file a ModelError.
    """
    if not isinstance(settings, AutoSettings):
        return settings.open()
    missing: list[str] = []
    for kind in AUTO_ORDER:
        try:
            detector = kind().open()
        except ConfigError as error:
            missing.append(str(error))
        except ModelError as error:
            log.warning("%s", error)
        else:
            reasons = "".join(f"; {reason}" for reason in missing)
            log.info("detector %s, the best at hand%s", detector.name, reasons)
            return detector
    raise ConfigError("; ".join(missing))
