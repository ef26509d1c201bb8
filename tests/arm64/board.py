"""Raspberry Pis, emulated."""

import os
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from edge.detect.model_files import PACKAGES, fetch
from tests.conftest import ROOT

TOOL = Path(os.environ.get("ARM64_BENCH", ROOT / "../shared/arm64-bench/arm64-bench"))

COUNT = re.compile(r"ICOUNT (\d+) (\d+)")
"""A mark, and the instructions since the one before."""

ONE_THREAD = "OPENCV_FFMPEG_CAPTURE_OPTIONS=threads;1"
"""Threads lose counts to each other."""


@dataclass(frozen=True, slots=True)
class Board:
    """One of them.

    Attributes:
        name: what the emulation calls it.
        title: what people do.
        gigahertz: the clock assumed.
        per_cycle: the instructions a cycle assumed.
    """

    name: str
    title: str
    gigahertz: float
    per_cycle: float

    def frames_a_second(self, millions: float) -> float:
        """Return how many frames of so many instructions one core is predicted to do."""
        return 1000 * self.gigahertz * self.per_cycle / millions


BOARDS = (
    Board("pi3", "Pi 3 (Cortex-A53)", 1.2, 0.8),
    Board("pi4", "Pi 4 (Cortex-A72)", 1.5, 1.3),
    Board("pi5", "Pi 5 (Cortex-A76)", 2.4, 2.0),
)
"""Clocks are those of the Pi 3B, 4B and 5. The instructions a cycle are assumptions: what dense
NEON code does on a core that issues two in order, three and four out of order, with the losses that
caches bring. They are measured nowhere."""


def obstacle() -> str | None:
    """Return why nothing can be emulated here, None where it can."""
    if not TOOL.is_file():
        return f"no {TOOL.name}: name it in ARM64_BENCH"
    if platform.machine() != "x86_64":
        return "arm64 is emulated on x86-64 alone"
    if os.geteuid() != 0:
        return "the emulation needs root"
    if shutil.which("apt-get") is None:
        return "the emulated system is made by Debian's tools"
    return None


def install(folder: Path) -> None:
    """Build the wheel of this checkout and install it, with the versions of `constraints.txt`.

    Args:
        folder: for the wheel.

    Raises:
        CalledProcessError: pip or the emulation failed, and said why.
    """
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--no-deps", f"--wheel-dir={folder}", str(ROOT)], check=True)
    (wheel,) = folder.glob("emotiond-*.whl")
    subprocess.run([str(TOOL), "build", *_requirements(), str(wheel)], check=True, cwd=folder)


def run(board: Board, folder: Path, *command: str) -> str:
    """Run a program in `folder` on a board; return what it printed.

    Raises:
        CalledProcessError: it failed; what it complained of is on standard error.
    """
    return _emulate("run", board, folder, *command).stdout


def count(board: Board, folder: Path, *command: str) -> tuple[str, dict[int, int]]:
    """Run a program likewise; return what it printed, and the instructions before each mark.

    Raises:
        CalledProcessError: it failed.
    """
    done = _emulate("count", board, folder, ONE_THREAD, *command)
    return done.stdout, {int(mark): int(number) for mark, number in COUNT.findall(done.stderr)}


def fetch_networks(folder: Path) -> str:
    """Fetch published networks for programs in `folder`; return the variable that names them.

    Raises:
        EmotiondError: they cannot be obtained.
    """
    for package in PACKAGES.values():
        fetch(package, folder / "share/emotiond/models")
    return "XDG_DATA_HOME=/host/share"


def _emulate(
    action: str, board: Board, folder: Path, *command: str
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "ARM64_BOARD": board.name}
    done = subprocess.run(
        [str(TOOL), action, *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.stderr.write(done.stderr)
    done.check_returncode()
    return done


def _requirements() -> list[str]:
    """Return what emotiond needs, in the versions that were tried together."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    names = [re.split(r"[<>=]", one)[0].lower() for one in project["project"]["dependencies"]]
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    tried = {line.partition("==")[0].lower(): line for line in lines if "==" in line}
    return [tried[name] for name in names]
