"""What the commands that train have in common."""

import shutil
from pathlib import Path

from converter.training.folder import RECIPE
from edge.errors import ConfigError


def clear(directory: Path) -> None:
    """Delete a training; any other folder was named by mistake.

    Raises:
        ConfigError: there is something else in it.
    """
    if any(directory.iterdir()) and not (directory / RECIPE).exists():
        raise ConfigError(f"{directory}: holds no training, so --force leaves it alone")
    shutil.rmtree(directory)
