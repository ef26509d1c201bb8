"""The root file system of a guest: a small Debian, made once and kept."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

PYTHON = {"bookworm": "3.11", "trixie": "3.13"}
"""The suites that can be had, Debian 12 and 13, and the Python of each."""

PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "procps"),
    *("python3", "python3-venv", "mosquitto", "mosquitto-clients"),
)
FILES = {
    "etc/hostname": "guest\n",
    "etc/hosts": "127.0.0.1 localhost guest\n::1 localhost\n",
    # All of it, in memory: a test that fails wants to see everything.
    "etc/systemd/journald.conf.d/guest.conf": (
        "[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\n"
    ),
}
LEAVE_OUT = ("doc", "man", "info", "locale")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a root file system is made of.

    Attributes:
        suite: a key of `PYTHON`.
        packages: of Debian, besides `PACKAGES`; none brings what it merely recommends.
        files: besides `FILES`, path and content; they are there before the packages are.
    """

    suite: str
    packages: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        """A name that no other recipe has."""
        text = repr((self, PACKAGES, FILES, LEAVE_OUT))
        return f"{self.suite}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def cache() -> Path:
    """Return the folder of what takes long to make."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "emotiond-system"


def root(recipe: Recipe) -> Path:
    """Return a root file system of the recipe, making it where there is none yet.

    Raises:
        CalledProcessError: mmdebstrap, which says why, did not succeed.
    """
    place = cache() / recipe.key
    if not place.is_dir():
        unfinished = place.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as files:
            _write(FILES | dict(recipe.files), Path(files))
            _bootstrap(recipe, Path(files), unfinished)
        (unfinished / "etc/machine-id").write_text("")  # each guest makes its own
        unfinished.rename(place)
    return place


def _write(files: dict[str, str], directory: Path) -> None:
    directory.chmod(0o755)  # it becomes the root directory
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def _bootstrap(recipe: Recipe, files: Path, directory: Path) -> None:
    options = [
        *("--quiet", "--mode=root", "--variant=minbase", "--format=directory"),
        f"--include={','.join(PACKAGES + recipe.packages)}",
        f"--essential-hook=sync-in {files} /",
        '--aptopt=APT::Install-Recommends "false"',
        "--dpkgopt=force-unsafe-io",
        *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in LEAVE_OUT),
    ]
    command = ["mmdebstrap", *options, recipe.suite, str(directory)]
    subprocess.run(command, check=True, stdout=sys.stderr)
