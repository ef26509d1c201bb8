"""OpenCV: every distribution of cv2 that is installed, and whether it can be used."""

import importlib
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from importlib.metadata import Distribution, distributions

from edge.doctor.result import CheckResult, Level

SUBJECT = "opencv"

WANTED = "'opencv-python-headless<5'"

GUI = frozenset({"opencv-python", "opencv-contrib-python"})
"""Distributions with windows: they need libGL and libraries of X, and their Qt takes memory."""

NAMES = re.compile(r"opencv[-_](contrib[-_])?python([-_]headless)?")
"""Distributions that install a package cv2."""


def examine_opencv(places: Sequence[str] = sys.path) -> Iterator[CheckResult]:
    """Say which distributions of cv2 there are, and whether the one that is imported serves.

    Args:
        places: folders that packages are searched in.
    """
    found = list(_distributions(places))
    yield from _examine_neighbours(found)
    try:
        version = str(importlib.import_module("cv2").__version__)
    except (ImportError, AttributeError) as error:
        text = f"cv2 cannot be imported: {' '.join(str(error).split())}"
        yield CheckResult(Level.FAILURE, SUBJECT, text, _remedy(error))
        return
    if int(version.partition(".")[0]) >= 5:
        text = f"cv2 {version} has no cascades, which the detector haar needs"
        yield CheckResult(Level.FAILURE, SUBJECT, text, f"pip install {WANTED}")
    else:
        yield CheckResult(Level.OK, SUBJECT, f"cv2 {version}, {_origin(found)}")


def _distributions(places: Sequence[str]) -> Iterator[Distribution]:
    for one in distributions(path=list(places)):
        if NAMES.fullmatch(one.name):
            yield one


def _examine_neighbours(found: list[Distribution]) -> Iterator[CheckResult]:
    """Warn of distributions in one folder: each overwrote files of the other."""
    folders: dict[str, list[str]] = defaultdict(list)
    for one in found:
        folders[str(one.locate_file(""))].append(_called(one))
    for folder, names in folders.items():
        if len(names) > 1:
            text = f"{' and '.join(sorted(names))} in {folder} overwrite each other's files"
            remove = " ".join(sorted(name.partition(" ")[0] for name in names))
            remedy = f"pip uninstall {remove}, then pip install {WANTED}"
            yield CheckResult(Level.WARNING, SUBJECT, text, remedy)


def _origin(found: list[Distribution]) -> str:
    if not found:
        return "of the system, not of pip"  # such as Debian's python3-opencv
    names = ", ".join(sorted(map(_called, found)))
    windows = any(one.name.replace("_", "-") in GUI for one in found)
    return f"{names}; its windows take memory that emotiond has no use for" if windows else names


def _called(one: Distribution) -> str:
    return f"{one.name} {one.version}"


def _remedy(error: Exception) -> str:
    if "libGL" in str(error):  # the build with windows, on a machine without
        return f"pip uninstall opencv-python opencv-contrib-python, then pip install {WANTED}"
    return f"pip install --force-reinstall {WANTED}"
