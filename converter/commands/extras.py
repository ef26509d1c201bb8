"""Optional packages: they are imported when a command needs them."""

import os
from importlib import import_module
from typing import Any, Literal

from edge.errors import ConfigError


def needs(extra: Literal["evaluate", "convert"], module: str) -> Any:
    """Import a module of the converter that needs an extra.

    Raises:
        ConfigError: the extra is not installed.
    """
    # TensorFlow leaves oneDNN's kernels off on CPUs without AVX-512; a step of `shallow` took
    # 0.92 s without and 0.52 s with them on two Zen 3 cores (2026-11-29).
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    try:
        return import_module(module)
    except ImportError as error:
        raise ConfigError(
            f"this needs the extra {extra!r} ({error}); pip install 'emotiond[{extra}]'"
        ) from error
