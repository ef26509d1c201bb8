"""Automatic choice: the best detector whose files and packages are at hand."""

import logging
from collections.abc import Callable, Iterable

import msgspec

from edge.detect.detector import Detector
from edge.errors import ConfigError, ModelError

log = logging.getLogger(__name__)


class AutoSettings(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="auto"
):
    """Takes the first registered detector that can be opened."""


def open_first(openers: Iterable[Callable[[], Detector]]) -> Detector:
    """Return the first detector that can be opened; the log says which, and why none before it.

    Args:
        openers: each opens a detector, the best first.

    Raises:
        ConfigError: none can be opened.
    """
    missing: list[str] = []
    for opener in openers:
        try:
            detector = opener()
        except ConfigError as error:
            missing.append(str(error))
            continue
        except ModelError as error:
            log.warning("%s", error)
            continue
        reasons = "".join(f"; {reason}" for reason in missing)
        log.info("detector %s, the best at hand%s", detector.name, reasons)
        return detector
    raise ConfigError("; ".join(missing))
