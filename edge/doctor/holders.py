"""Who has a file open."""

import os
from pathlib import Path


def holders(path: Path, proc: Path) -> list[str]:
    """Return name and number of each other process that has a file open.

    Those of other users are seen by root alone.

    Args:
        path: the file.
        proc: where the kernel tells of processes (proc(5)).
    """
    processes = (one for one in proc.glob("[0-9]*") if one.name != str(os.getpid()))
    return [f"{_name(one)} ({one.name})" for one in sorted(processes) if _holds(one, path)]


def _holds(process: Path, path: Path) -> bool:
    try:
        return any(link.samefile(path) for link in (process / "fd").iterdir() if link.exists())
    except OSError:  # it has ended, or is another user's
        return False


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return "process"
