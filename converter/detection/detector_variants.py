"""The detectors that are compared."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import msgspec

from edge.config import Config, parse_detector
from edge.detect import AutoSettings, DetectorSettings, open_detector
from edge.errors import EmotiondError


@dataclass(frozen=True, slots=True)
class Contender:
    """One detector with its settings.

    Attributes:
        name: as tables call it: its kind, and the settings that are not the default.
    """

    name: str
    config: Config


def parse_contender(text: str) -> Contender:
    """Return what one `--detector` asks for: a kind, or a mapping in YAML.

    Raises:
        ConfigError: there is no such detector or setting.
    """
    settings = parse_detector(text)
    return Contender(_name(settings), Config(detector=settings))


def kinds() -> list[str]:
    """Return every kind of detector there is, but for the one that stands for another."""
    settings = [kind for kind in get_args(DetectorSettings) if kind is not AutoSettings]
    return [str(kind.__struct_config__.tag) for kind in settings]


def default_contender() -> Contender:
    """Return what runs unless a config says otherwise."""
    config = Config()
    return Contender(f"default, {open_detector(config.detector).name}", config)


def find_contenders() -> Iterator[Contender]:
    """Yield every detector that is at hand with its default settings; tell why others are not."""
    for kind in kinds():
        try:
            contender = parse_contender(kind)
            open_detector(contender.config.detector)
        except EmotiondError as error:
            print(f"without {kind}: {error}\n")
        else:
            yield contender


def _name(settings: DetectorSettings) -> str:
    default = msgspec.structs.asdict(type(settings)())
    others = [
        f"{key} {_brief(value)}"
        for key, value in msgspec.structs.asdict(settings).items()
        if value != default[key]
    ]
    return ", ".join([str(settings.__struct_config__.tag), *others])


def _brief(value: object) -> object:
    """Return the name of a path alone: tables are for others to read."""
    return value.name if isinstance(value, Path) else value
