"""Detector variants: detectors to compare, each with its settings and a name for tables."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge.config import parse_detector
from edge.detect import DetectorSettings, detector_kinds, open_detector
from edge.errors import EmotiondError


@dataclass(frozen=True, slots=True)
class DetectorVariant:
    """One detector with its settings.

    Attributes:
        name: its kind, and the settings that are not the default.
    """

    name: str
    settings: DetectorSettings


def parse_variant(text: str) -> DetectorVariant:
    """Return what one `--detector` asks for: a kind, or a mapping in YAML.

    Raises:
        ConfigError: there is no such detector or setting.
    """
    settings = parse_detector(text)
    default = msgspec.structs.asdict(type(settings)())
    changed = [
        f"{key} {value.name if isinstance(value, Path) else value}"  # tables do not show folders
        for key, value in msgspec.structs.asdict(settings).items()
        if value != default[key]
    ]
    return DetectorVariant(", ".join([str(settings.__struct_config__.tag), *changed]), settings)


def available_variants(report: Callable[[str], object]) -> Iterator[DetectorVariant]:
    """Yield every detector that can be opened, with its default settings.

    Args:
        report: called with a line for each that cannot be.
    """
    for kind in detector_kinds():
        if kind == "auto":  # it stands for one of the others
            continue
        variant = parse_variant(kind)
        try:
            open_detector(variant.settings)
        except EmotiondError as error:
            report(f"without {kind}: {error}\n")
        else:
            yield variant
