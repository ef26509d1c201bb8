"""Optional packages: they are imported when a command needs them."""

from importlib import import_module
from typing import Any, Literal

from edge.errors import ConfigError


def needs(extra: Literal["evaluate", "convert"], module: str) -> Any:
    """Import a module of the converter that needs an extra.

    Raises:
        ConfigError: the extra is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ConfigError(
            f"this needs the extra {extra!r} ({error}); pip install 'emotiond[{extra}]'"
        ) from error
