"""The preview window: what draws it, and where."""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

from edge.doctor.result import CheckResult, Level

SUBJECT = "window"

SERVERS = ("WAYLAND_DISPLAY", "DISPLAY")
"""What names the display of a desktop session."""

CARDS = Path("/dev/dri")
"""Where the kernel shows screens that may be drawn on without a desktop."""


def examine_window() -> Iterator[CheckResult]:
    """Say whether there is what draws a window, and a screen to draw it on."""
    if importlib.util.find_spec("pygame") is None:
        remedy = "pip install 'emotiond[preview]', or set `view.window: false`"
        yield CheckResult(Level.FAILURE, SUBJECT, "pygame-ce is not installed", remedy)
        return
    yield _examine_screen()


def _examine_screen() -> CheckResult:
    for name in SERVERS:
        if os.environ.get(name):
            return CheckResult(Level.OK, SUBJECT, f"is drawn on {name}={os.environ[name]}")
    cards = sorted(CARDS.glob("card*"))
    if cards:
        return CheckResult(
            Level.OK, SUBJECT, f"is drawn on {cards[0]}, as there is no desktop here"
        )
    remedy = "run in a desktop session, or set DISPLAY; all else goes on without it"
    return CheckResult(Level.WARNING, SUBJECT, "there is no screen to draw it on", remedy)
