"""Which kind of machine the tests boot, and whether it can be booted here."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import cv2

from edge.commands.demo import CLIP
from tests.conftest import ROOT
from tests.system import wheels
from tests.system.guest import Guest
from tests.system.image import image
from tests.system.light import LightGuest
from tests.system.qemu import VirtualGuest
from tests.system.root import PYTHON, Recipe, cache, root

COMMANDS = {
    "light": ("mmdebstrap", "systemd-nspawn", "unshare", "nsenter", "pgrep"),
    "qemu": ("mmdebstrap", "qemu-system-x86_64", "mke2fs"),
}
"""The kinds of machine, and the programs that each needs."""


def chosen() -> str | None:
    """Return the kind asked for: `light`, `qemu`, or None in an ordinary run of the tests."""
    return os.environ.get("SYSTEM_MACHINE")


def obstacle(kind: str) -> str | None:
    """Return why that kind cannot be booted here, or None."""
    if kind not in COMMANDS:
        return f"there is no machine {kind!r}; take one of {', '.join(COMMANDS)}"
    if os.geteuid() != 0:
        return "booting a system needs root"
    missing = [name for name in COMMANDS[kind] if shutil.which(name) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    return _no_container() if kind == "light" else None


def _no_container() -> str | None:
    """Say why systemd-nspawn cannot run even `true`, if so."""
    with tempfile.TemporaryDirectory() as place:
        for name in ("bin", "lib", "lib64"):
            (Path(place) / name).symlink_to(f"usr/{name}")
        for name in ("usr", "etc"):
            (Path(place) / name).mkdir()
        (Path(place) / "etc/os-release").touch()
        options = ["--quiet", "--register=no", "--keep-unit", "--private-network"]
        command = ["systemd-nspawn", *options, "--bind-ro=/usr", f"--directory={place}", "true"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    return f"systemd-nspawn cannot run a container here: {done.stderr.strip()}"


def boot(kind: str, directory: Path) -> Guest:
    """Boot a machine, making what it is made of where that is not there yet.

    Args:
        kind: one of `COMMANDS`.
        directory: an empty one, for its own files.
    """
    suite = os.environ.get("SYSTEM_SUITE", "bookworm")
    place = supplies(PYTHON[suite])
    if kind == "light":
        return LightGuest(root(Recipe(suite)), ROOT, place, directory)
    return VirtualGuest(image(suite), ROOT, place, directory)


def supplies(python: str) -> Path:
    """Return a folder with all that a guest has no network to fetch.

    Args:
        python: the guest's version of it.
    """
    place = cache() / f"supplies-{python}"
    place.mkdir(parents=True, exist_ok=True)
    wheels.download(python, place)
    (place / "clip.mjpeg").write_bytes(jpegs(CLIP))
    return place


def jpegs(film: Path) -> bytes:
    """Return the pictures of a film, one JPEG after the other."""
    capture = cv2.VideoCapture(str(film))
    pictures = b""
    while True:
        there, image = capture.read()
        if not there:
            return pictures
        pictures += cv2.imencode(".jpg", image)[1].tobytes()
