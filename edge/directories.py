"""Where files of the daemon's own lie: what it keeps, and what was fetched for it."""

import os
import sys
from pathlib import Path

SERVICE = Path("/var/lib/emotiond")
"""The state directory of the systemd service."""


def state_directory() -> Path:
    """Return where the daemon keeps what outlives a restart.

    systemd names it in STATE_DIRECTORY; elsewhere it follows the XDG base directories.
    """
    return service_directory() or _home("XDG_STATE_HOME", ".local/state")


def installed_data_directory() -> Path:
    """Return where files lie that belong to this installation and serve all its users.

    They come and go with it: `sys.prefix` is the virtual environment, where there is one.
    """
    return Path(sys.prefix) / "share" / "emotiond"


def data_directory() -> Path:
    """Return where files lie that were fetched for the daemon."""
    return service_directory() or _home("XDG_DATA_HOME", ".local/share")


def service_directory() -> Path | None:
    """Return the state directory that systemd gave this process, None where it gave none."""
    state = os.environ.get("STATE_DIRECTORY")
    return Path(state.split(":")[0]) if state else None


def _home(variable: str, default: str) -> Path:
    """Return the user's directory of one kind; XDG passes over a path that is not absolute."""
    named = os.environ.get(variable, "")
    try:
        home = Path(named) if named.startswith("/") else Path.home() / default
    except RuntimeError:  # nobody's home: no HOME, and a user that no table knows
        return SERVICE
    return home / "emotiond"
