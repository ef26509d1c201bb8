"""What a guest without network installs emotiond from: its packages, downloaded beforehand."""

import subprocess
import sys
import tomllib
from pathlib import Path

from edge.detect.model_files import PACKAGES, PIP_OPTIONS
from tests.conftest import ROOT

PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux2014_x86_64")


def download(python: str, directory: Path) -> None:
    """Put there all that pip needs to build and install emotiond, and the networks to be fetched.

    Args:
        python: the version of the guest, such as 3.11.
        directory: what is in it already is not downloaded again.

    Raises:
        CalledProcessError: pip, which says why, did not succeed.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    package = project["project"]
    requirements = [
        *project["build-system"]["requires"],
        *package["dependencies"],
        *package["optional-dependencies"]["web"],
    ]
    platforms = [f"--platform={name}" for name in PLATFORMS]
    constraints = f"--constraint={ROOT / 'constraints.txt'}"
    _pip(directory, f"--python-version={python}", *platforms, constraints, *requirements)
    for published in PACKAGES.values():
        _pip(directory, *PIP_OPTIONS, published.requirement)


def _pip(directory: Path, *options: str) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    options = ("--only-binary=:all:", f"--dest={directory}", f"--find-links={directory}", *options)
    subprocess.run([*command, *options], check=True, stdout=sys.stderr)
