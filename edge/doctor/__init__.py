"""`emotiond doctor`: checks of this machine and of what the config names, each with its remedy.

Those of Python and OpenCV run where no package can be imported: here is the standard library alone.
"""

import importlib
import platform
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from importlib.metadata import Distribution, distributions

from edge.errors import CheckResult, failure, ok, warning

MIN_PYTHON = (3, 11)  # as `requires-python` in pyproject.toml says
INSTALL_OPENCV = "pip install 'opencv-python-headless<5'"
OPENCV_NAMES = re.compile(r"opencv[-_](contrib[-_])?python([-_]headless)?")  # they install cv2


def check_python(
    version: tuple[int, int] = sys.version_info[:2], max_index: int = sys.maxsize
) -> Iterator[CheckResult]:
    """Check that this Python can run emotiond; `max_index` tells how wide its addresses are."""
    bits = 64 if max_index > 2**32 else 32
    text = f"{version[0]}.{version[1]} of {bits} bits on {platform.machine()}: {sys.executable}"
    if version < MIN_PYTHON:
        yield failure("python", text, f"install Python {MIN_PYTHON[0]}.{MIN_PYTHON[1]} or later")
    elif bits == 32:  # a Raspberry Pi OS of 32 bits runs on a kernel of 64, whose name says nothing
        remedy = "install the 64-bit system; neither LiteRT nor OpenCV is built for 32 bits"
        yield failure("python", text, remedy)
    else:
        yield ok("python", text)


def check_opencv(search_path: Sequence[str] = sys.path) -> Iterator[CheckResult]:
    """Check which distributions of cv2 are installed, and that the one that is imported serves."""
    folders: dict[str, list[Distribution]] = defaultdict(list)
    for one in distributions(path=list(search_path)):
        if OPENCV_NAMES.fullmatch(one.name):
            folders[str(one.locate_file(""))].append(one)
    for folder, found in folders.items():
        if len(found) > 1:
            text = f"{_names(found, ' and ')} in {folder} overwrite each other's files"
            uninstall = f"pip uninstall {' '.join(sorted(one.name for one in found))}"
            yield warning("opencv", text, f"{uninstall}, then {INSTALL_OPENCV}")
    try:
        version = str(importlib.import_module("cv2").__version__)
    except (ImportError, AttributeError) as error:
        text = f"cv2 cannot be imported: {' '.join(str(error).split())}"
        remedy = f"{INSTALL_OPENCV} --force-reinstall"
        if "libGL" in str(error):  # the build with windows, on a machine without
            remedy = f"pip uninstall opencv-python opencv-contrib-python, then {INSTALL_OPENCV}"
        yield failure("opencv", text, remedy)
        return
    if int(version.partition(".")[0]) >= 5:
        text = f"cv2 {version} has no cascades, which the detector haar needs"
        yield failure("opencv", text, INSTALL_OPENCV)
    else:
        names = _names([one for found in folders.values() for one in found], ", ")
        # Debian's python3-opencv is none of pip's.
        yield ok("opencv", f"cv2 {version}, {names or 'of the system, not of pip'}")


def _names(found: list[Distribution], separator: str) -> str:
    return separator.join(sorted(f"{one.name} {one.version}" for one in found))
