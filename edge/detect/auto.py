"""The best detector at hand."""

import logging
from collections.abc import Callable

import msgspec

from edge.detect.blazeface import BlazeFace, BlazeFaceSettings
from edge.detect.builtin import BuiltinDetector, BuiltinSettings
from edge.detect.detector import Detector
from edge.detect.haar import Haar, HaarSettings
from edge.detect.mediapipe import MediaPipe, MediaPipeSettings
from edge.detect.yunet import YuNet, YuNetSettings
from edge.errors import ConfigError, ModelError

ORDER: tuple[tuple[str, Callable[[], Detector]], ...] = (
    ("emotiond", lambda: BuiltinDetector(BuiltinSettings())),
    ("yunet", lambda: YuNet(YuNetSettings())),
    ("blazeface", lambda: BlazeFace(BlazeFaceSettings())),
    ("mediapipe", lambda: MediaPipe(MediaPipeSettings())),
    ("haar", lambda: Haar(HaarSettings())),
)
"""`emotiond` travels with the daemon; the others serve where its file is damaged.
They go from the one that finds most to the one that needs no file; docs/quality.md has the figures.
`mediapipe` is `blazeface` by a package many times as large, for where the files were not fetched.
"""

log = logging.getLogger(__name__)


class AutoSettings(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="auto"
):
    """Takes the first detector of `ORDER` that can be opened."""


def open_best() -> Detector:
    """Return the first detector of `ORDER` that is at hand; the log says which and why.

    Raises:
        ConfigError: none is at hand: OpenCV's own cascades are missing.
    """
    missing: list[str] = []
    for name, opening in ORDER:
        try:
            detector = opening()
        except ConfigError as error:
            missing.append(str(error))
            continue
        except ModelError as error:
            log.warning("%s", error)
            continue
        log.info("detector %s, the best at hand%s", name, "".join(f"; {why}" for why in missing))
        return detector
    raise ConfigError("; ".join(missing))
