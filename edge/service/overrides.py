"""Overrides: new configs in which something is as a command wants it."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from edge.config import Config, parse_config
from edge.infer.classifier import ModelPath
from edge.service.commands import (
    Catalog,
    CommandError,
    ErrorCode,
    SetDetector,
    SetModel,
    SetThresholds,
)

THRESHOLD_KEYS = {
    "face_threshold": ("classifier", "face_threshold"),
    "min_expression_confidence": ("classifier", "min_confidence"),
    "min_confidence": ("detector", "min_confidence"),
}
"""Section and key of each threshold that is not one of `quality`."""


def with_change(
    command: SetModel | SetDetector | SetThresholds,
    config: Config,
    file_config: Config,
    catalog: Catalog,
) -> Config:
    """Return the config of one camera as a command changes it, or raise a CommandError."""
    match command:
        case SetModel():
            return with_model(config, file_config, catalog.models, command.model)
        case SetDetector():
            return with_detector(config, file_config, catalog.detectors, command.detector)
    return with_thresholds(config, command.changes)


def with_model(
    config: Config, file_config: Config, models: Mapping[str, Path], name: str
) -> Config:
    """Return `config` with another of `models`; a baseline is of the file's own model alone."""
    _require(name, models)
    model = ModelPath(models[name])
    of_file = file_config.classifier
    baseline = of_file.neutral_baseline if model == of_file.model else None
    classifier = msgspec.structs.replace(config.classifier, model=model, neutral_baseline=baseline)
    return msgspec.structs.replace(config, classifier=classifier)


def with_detector(config: Config, file_config: Config, kinds: Iterable[str], kind: str) -> Config:
    """Return `config` with another of `kinds`, with the file's settings where it is the file's."""
    _require(kind, kinds)
    default = parse_config({"detector": {"kind": kind}}, Path("detector")).detector
    own = type(file_config.detector) is type(default)
    return msgspec.structs.replace(config, detector=file_config.detector if own else default)


def with_thresholds(config: Config, changes: Mapping[str, float]) -> Config:
    """Return `config` with other thresholds, wherever each of them stands in it."""
    for name, value in changes.items():
        section, key = THRESHOLD_KEYS.get(name, ("quality", name))
        settings = getattr(config, section)
        if key not in settings.__struct_fields__:
            kind = config.detector.__struct_config__.tag
            text = f"the detector {kind} has no {name}; choose one that has"
            raise CommandError(ErrorCode.REFUSED, text)
        changed = {section: msgspec.structs.replace(settings, **{key: value})}
        config = msgspec.structs.replace(config, **changed)
    return config


def _require(name: str, known: Iterable[str]) -> None:
    if name not in known:
        text = f"expected one of {', '.join(known)}, found {name[:80]!r}"
        raise CommandError(ErrorCode.REFUSED, text)
