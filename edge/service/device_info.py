"""What a daemon tells of itself."""

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from edge import __version__
from edge.config import Config
from edge.infer.card import read_labels
from edge.redaction import redact_url
from edge.types import DaemonStatus

HIDDEN = "(hidden)"


def describe(
    config: Config, status: DaemonStatus, models: Mapping[str, Path], detectors: tuple[str, ...]
) -> dict[str, Any]:
    """Return version, config without secrets, and what may be chosen, as plain values."""
    return {
        "version": __version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "model": status.model,
        "detector": status.detector,
        "camera": status.camera.value,
        "models": {name: list(read_labels(path)) for name, path in models.items()},
        "detectors": list(detectors),
        "config": redacted_config(config),
    }


def redacted_config(config: Config) -> Any:
    """Return a config as plain values, without users and passwords.

    Where a secret is kept is told, the secret is not.
    """
    plain = msgspec.to_builtins(config, enc_hook=str)
    if "url" in plain["source"]:
        plain["source"]["url"] = redact_url(plain["source"]["url"])
    for part in (plain["source"], *plain["sinks"]):
        if isinstance(part.get("user"), str):
            part["user"] = HIDDEN
    return plain
