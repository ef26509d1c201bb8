"""Whom the findings hold for: what one user may open, another may not."""

import getpass
import os
from collections.abc import Iterator

from edge.doctor.result import CheckResult, Level

SUBJECT = "user"


def examine_user(service: str | None) -> Iterator[CheckResult]:
    """Say who looks, where a service runs as another user.

    Args:
        service: the unit that runs the config, if one does.
    """
    if service is None:
        return
    if os.geteuid() == 0:
        text = f"root looks; {service} is another user in a sandbox, and may open less"
        yield CheckResult(Level.OK, SUBJECT, text)
    else:
        text = f"{user_name()} looks, who may read neither state nor secrets of {service}"
        yield CheckResult(Level.WARNING, SUBJECT, text, "run it with sudo")


def user_name() -> str:
    """Return what the user is called who looks."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number that no table knows
        return f"user {os.getuid()}"
