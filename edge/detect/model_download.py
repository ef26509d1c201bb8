"""Obtaining published files out of the Python package that carries them, through pip.

pip knows the registry, mirror and proxy this machine is meant to use; the package is not installed,
and nothing of it is run.
"""

import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edge.detect.model_files import FULL_RANGE, SHORT_RANGE, PublishedFile, model_directory
from edge.errors import FetchError
from edge.fileio import atomic_write, sha256_of

TIMEOUT = 600.0
"""Seconds that pip may take for 36 MB."""

PIP_OPTIONS = (
    *("--only-binary=:all:", "--python-version=312", "--implementation=cp", "--abi=cp312"),
    *("--platform=manylinux_2_28_x86_64", "--no-deps", "--disable-pip-version-check", "--quiet"),
)
"""One wheel serves every machine: the files in it are data."""


@dataclass(frozen=True, slots=True)
class Package:
    """A release of a Python package, and the files of it that are wanted."""

    requirement: str
    files: tuple[PublishedFile, ...]


PACKAGES = {"blazeface": Package("mediapipe==0.10.21", (FULL_RANGE, SHORT_RANGE))}
"""What can be fetched; the release is the last that carries the files (Apache-2.0)."""


def fetch(package: Package, directory: Path | None = None) -> list[Path]:
    """Store the files of `package` in a model directory and return where they are.

    Where all of them are there already and sound, nothing is downloaded.

    Args:
        package: one of `PACKAGES`.
        directory: where to; None takes `model_directory()`.

    Raises:
        FetchError: pip cannot get the package, it holds other files than expected, or the
            directory cannot be written.
    """
    directory = directory or model_directory()
    paths = [directory / file.name for file in package.files]
    if not all(_is_there(path, file) for path, file in zip(paths, package.files, strict=True)):
        with tempfile.TemporaryDirectory() as place:
            wheel = _download(package.requirement, Path(place))
            contents = list(_read(wheel, package.files))
        _store(contents, directory)
    _let_others_read(directory, paths)
    return paths


def _is_there(path: Path, file: PublishedFile) -> bool:
    try:
        return sha256_of(path.read_bytes()) == file.sha256
    except OSError:
        return False


def _download(requirement: str, place: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", *PIP_OPTIONS, "--dest", str(place)]
    try:
        done = subprocess.run(
            [*command, requirement], capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise FetchError(f"{requirement}: pip did not finish within {TIMEOUT:.0f} s") from error
    wheels = list(place.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        raise FetchError(f"{requirement}: pip cannot download it: {lines[-1]}")
    return wheels[0]


def _read(wheel: Path, files: tuple[PublishedFile, ...]) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each file, checked."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            for file in files:
                content = archive.read(file.member)
                if sha256_of(content) != file.sha256:
                    raise FetchError(f"{wheel.name}: {file.member} is not the file expected")
                yield file.name, content
    except (zipfile.BadZipFile, zlib.error, KeyError, OSError, RuntimeError) as error:
        raise FetchError(f"{wheel.name}: does not hold the files expected: {error}") from error


def _store(contents: list[tuple[str, bytes]], directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FetchError(f"{directory}: cannot be made: {error.strerror}") from error
    for name, content in contents:
        path = directory / name
        try:
            atomic_write(path, content)
        except OSError as error:
            raise FetchError(f"{path}: cannot be written: {error.strerror}") from error


def _let_others_read(directory: Path, paths: list[Path]) -> None:
    """Undo a strict umask: the service is another user, and the files are public."""
    with suppress(PermissionError):  # they are another's, who has let this user read them
        directory.chmod(0o755)
        for path in paths:
            path.chmod(0o644)
