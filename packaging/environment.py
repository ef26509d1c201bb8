"""The environment that the Debian package and the container image carry: a venv made beforehand.

It is put together for another machine than this: wheels alone are unpacked, and nothing of the
other machine is run.

    python packaging/environment.py STAGE --python 3.13 --architecture arm64 --installer oci
"""

import argparse
import functools
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PREFIX = Path("/opt/emotiond/current")
"""Where the environment lies once installed, as systemd/emotiond.service says."""

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
"""Debian's architectures by their names in tags of wheels."""

GLIBCS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014")
"""Tags of wheels that run on Debian 12 (glibc 2.36) and newer."""

NOT_USED = (
    "ai_edge_litert/libLiteRtWebGpuAccelerator.so",  # emotiond runs models on the CPU
    "ai_edge_litert/tools",  # for compiling models for other chips
    "ai_edge_litert/vendors",
    "bin",  # its programs name the Python that ran pip
    "numpy/*/tests",
)

PROGRAM = """#!{python} -I
import sys

from edge.cli import main

sys.exit(main())
"""


@dataclass(frozen=True, slots=True)
class Target:
    """What an environment is made for.

    Attributes:
        python: version of Debian's Python, such as 3.13.
        architecture: as Debian names it: amd64 or arm64.
        installer: word for INSTALLER: debian or oci.
    """

    python: str
    architecture: str
    installer: str


def version() -> str:
    """Return the version of this checkout."""
    text = (ROOT / "edge" / "__init__.py").read_text()
    return text.partition('__version__ = "')[2].partition('"')[0]


def maintainer() -> str:
    """Return the author of pyproject.toml as Debian writes names."""
    author = PROJECT["authors"][0]
    return f"{author['name']} <{author['email']}>"


@functools.cache
def commit_time() -> int:
    """Return SOURCE_DATE_EPOCH: as given, or the time of the commit, in seconds."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    command = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    return int(given or subprocess.run(command, check=True, capture_output=True).stdout)


def make_environment(stage: Path, target: Target) -> Path:
    """Make the environment below the folder `stage`; return its site-packages.

    Raises:
        CalledProcessError: pip, which says why, did not succeed.
    """
    prefix = stage / PREFIX.relative_to("/")
    packages = prefix / "lib" / f"python{target.python}" / "site-packages"
    with tempfile.TemporaryDirectory() as wheels:
        build_wheel(Path(wheels))
        platforms = [f"--platform={one}_{MACHINES[target.architecture]}" for one in GLIBCS]
        _pip(
            *("install", f"--target={packages}", "--no-compile", "--only-binary=:all:"),
            *(f"--python-version={target.python}", "--implementation=cp", *platforms),
            *(f"--constraint={ROOT / 'constraints.txt'}", f"--find-links={wheels}"),
            f"emotiond[web]=={version()}",
        )
    for pattern in NOT_USED:
        for path in packages.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    (information,) = packages.glob("emotiond-*.dist-info")
    (information / "INSTALLER").write_text(f"{target.installer}\n")
    _write_programs(prefix, target.python)
    units = prefix / "share" / "emotiond" / "systemd"
    units.mkdir(parents=True)
    for path in (ROOT / "systemd").iterdir():
        shutil.copy(path, units)
    return packages


def build_wheel(folder: Path) -> Path:
    """Build the wheel of this checkout into a folder, and return it; errors as above."""
    epoch = {"SOURCE_DATE_EPOCH": str(commit_time())}
    _pip("wheel", "--no-deps", f"--wheel-dir={folder}", str(ROOT), environment=epoch)
    return next(folder.glob("emotiond-*.whl"))


def add_to_tar(
    archive: tarfile.TarFile, path: Path, name: str, owner: tuple[int, int] = (0, 0)
) -> None:
    """Add a file, link or folder, the same each time."""
    entry = archive.gettarinfo(path, name)
    entry.mtime = commit_time()
    entry.uid, entry.gid = owner
    entry.uname = entry.gname = ""
    with path.open("rb") if entry.isreg() else io.BytesIO() as file:
        archive.addfile(entry, file)


def _pip(*arguments: str, environment: dict[str, str] | None = None) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True, env={**os.environ, **(environment or {})})


def _write_programs(prefix: Path, python: str) -> None:
    """Write what makes a folder a venv (PEP 405), and emotiond's program."""
    (prefix / "bin").mkdir()
    (prefix / "bin" / "python").symlink_to(f"/usr/bin/python{python}")
    lines = f"home = /usr/bin\ninclude-system-site-packages = false\nversion = {python}\n"
    (prefix / "pyvenv.cfg").write_text(lines)
    program = prefix / "bin" / "emotiond"
    program.write_text(PROGRAM.format(python=PREFIX / "bin" / "python"))
    program.chmod(0o755)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("stage", type=Path, help="folder below which it is made")
    parser.add_argument("--python", required=True, help="version of the Python that runs it")
    parser.add_argument("--architecture", choices=MACHINES, required=True)
    parser.add_argument("--installer", choices=("debian", "oci"), required=True)
    options = parser.parse_args()
    make_environment(options.stage, Target(options.python, options.architecture, options.installer))
