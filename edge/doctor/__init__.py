"""`emotiond doctor`: checks of this machine and of what the config names, each with its remedy.

Here are those of Python and OpenCV, which run where nothing else can be imported: this module
imports nothing but the standard library.
"""

import importlib
import platform
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from importlib.metadata import Distribution, distributions

from edge.errors import CheckResult, failure, ok, warning

MIN_PYTHON = (3, 11)
"""As `requires-python` in pyproject.toml says."""

WANTED_OPENCV = "'opencv-python-headless<5'"

OPENCV_NAMES = re.compile(r"opencv[-_](contrib[-_])?python([-_]headless)?")
"""Distributions that install a package cv2."""

OPENCV_WITH_WINDOWS = frozenset({"opencv-python", "opencv-contrib-python"})
"""They need libGL and libraries of X, and their Qt takes memory."""


def check_python(
    version: tuple[int, int] = sys.version_info[:2], max_index: int = sys.maxsize
) -> Iterator[CheckResult]:
    """Check that this Python can run emotiond; `max_index` tells how wide its addresses are."""
    bits = 64 if max_index > 2**32 else 32
    text = f"{version[0]}.{version[1]} of {bits} bits on {platform.machine()}: {sys.executable}"
    oldest = f"{MIN_PYTHON[0]}.{MIN_PYTHON[1]}"
    if version < MIN_PYTHON:
        yield failure("python", text, f"install Python {oldest} or later")
    elif bits == 32:  # a Raspberry Pi OS of 32 bits runs on a kernel of 64, whose name says nothing
        remedy = "install the 64-bit system; neither LiteRT nor OpenCV is built for 32 bits"
        yield failure("python", text, remedy)
    else:
        yield ok("python", f"{text}; {oldest} and later are supported")


def check_opencv(search_path: Sequence[str] = sys.path) -> Iterator[CheckResult]:
    """Check which distributions of cv2 are installed, and that the one that is imported serves."""
    installed = [
        one for one in distributions(path=list(search_path)) if OPENCV_NAMES.fullmatch(one.name)
    ]
    yield from _check_overwritten(installed)
    try:
        version = str(importlib.import_module("cv2").__version__)
    except (ImportError, AttributeError) as error:
        text = f"cv2 cannot be imported: {' '.join(str(error).split())}"
        remedy = f"pip install --force-reinstall {WANTED_OPENCV}"
        if "libGL" in str(error):  # the build with windows, on a machine without
            uninstall = "pip uninstall opencv-python opencv-contrib-python"
            remedy = f"{uninstall}, then pip install {WANTED_OPENCV}"
        yield failure("opencv", text, remedy)
        return
    if int(version.partition(".")[0]) >= 5:
        text = f"cv2 {version} has no cascades, which the detector haar needs"
        yield failure("opencv", text, f"pip install {WANTED_OPENCV}")
    else:
        yield ok("opencv", f"cv2 {version}, {_origin(installed)}")


def _check_overwritten(installed: list[Distribution]) -> Iterator[CheckResult]:
    """Warn of distributions in one folder: each overwrote files of the other."""
    folders: dict[str, list[Distribution]] = defaultdict(list)
    for one in installed:
        folders[str(one.locate_file(""))].append(one)
    for folder, found in folders.items():
        if len(found) > 1:
            names = " and ".join(sorted(map(_name_and_version, found)))
            uninstall = f"pip uninstall {' '.join(sorted(one.name for one in found))}"
            yield warning(
                "opencv",
                f"{names} in {folder} overwrite each other's files",
                f"{uninstall}, then pip install {WANTED_OPENCV}",
            )


def _origin(installed: list[Distribution]) -> str:
    if not installed:
        return "of the system, not of pip"  # such as Debian's python3-opencv
    names = ", ".join(sorted(map(_name_and_version, installed)))
    if any(one.name.replace("_", "-") in OPENCV_WITH_WINDOWS for one in installed):
        return f"{names}; its windows take memory that emotiond has no use for"
    return names


def _name_and_version(one: Distribution) -> str:
    return f"{one.name} {one.version}"
