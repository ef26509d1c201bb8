"""What commands make of a config: each gives a new one and leaves the old as it was."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from edge.config import Config, parse_config
from edge.infer.classifier import ModelPath
from edge.service.commands import CommandError, ErrorCode

PLACES = {
    "face_threshold": ("classifier", "face_threshold"),
    "min_expression_confidence": ("classifier", "min_confidence"),
    "min_confidence": ("detector", "min_confidence"),
}
"""Section and key of each threshold that is not one of `quality`."""


def with_model(config: Config, read: Config, models: Mapping[str, Path], name: str) -> Config:
    """Return `config` with another model.

    Args:
        config: the present one.
        read: as the file has it. A baseline there is of the file's model and of no other.
        models: what may be chosen, by name.
        name: what is chosen.

    Raises:
        CommandError: there is no such model.
    """
    _expect(name, models)
    model = ModelPath(models[name])
    baseline = read.classifier.baseline if model == read.classifier.model else None
    classifier = msgspec.structs.replace(config.classifier, model=model, baseline=baseline)
    return msgspec.structs.replace(config, classifier=classifier)


def with_detector(config: Config, read: Config, kinds: Iterable[str], kind: str) -> Config:
    """Return `config` with another detector: set as in the file where it is the file's, else plain.

    Args:
        config: the present one.
        read: as the file has it.
        kinds: what may be chosen.
        kind: what is chosen.

    Raises:
        CommandError: there is no such detector.
    """
    _expect(kind, kinds)
    plain = parse_config({"detector": {"kind": kind}}, Path("detector")).detector
    own = type(read.detector) is type(plain)
    return msgspec.structs.replace(config, detector=read.detector if own else plain)


def with_thresholds(config: Config, changes: Mapping[str, float]) -> Config:
    """Return `config` with other thresholds, wherever each of them stands in it.

    Raises:
        CommandError: the present detector has no such threshold.
    """
    for name, value in changes.items():
        section, key = PLACES.get(name, ("quality", name))
        settings = getattr(config, section)
        if key not in settings.__struct_fields__:
            kind = config.detector.__struct_config__.tag
            text = f"the detector {kind} has no {name}; choose one that has"
            raise CommandError(ErrorCode.REFUSED, text)
        changed = {section: msgspec.structs.replace(settings, **{key: value})}
        config = msgspec.structs.replace(config, **changed)
    return config


def _expect(name: str, known: Iterable[str]) -> None:
    if name not in known:
        text = f"expected one of {', '.join(known)}, found {name[:80]!r}"
        raise CommandError(ErrorCode.REFUSED, text)
