"""Files and directories: what is shipped, kept and installed, and where a service has its own."""

import errno
import fcntl
import getpass
import hashlib
import json
import os
import shutil
import sys
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from edge.errors import ModelError, os_errors_as

_PACKAGE = Path(__file__).parent

SERVICE_STATE = Path("/var/lib/emotiond")  # of emotiond.service
SERVICE_CONFIGS = Path("/etc/emotiond")  # of it and of the template's units
SERVICE_CONFIG = SERVICE_CONFIGS / "emotiond.yaml"

COMPLETE = {"debian": "the Debian package", "oci": "the container image"}
"""Installations that nothing is added to, by what `packaging/` writes into their INSTALLER."""

MAX_NAME_BYTES = 240  # leave room for what is put before and behind a name: file systems take 255
IMAGE_LINKS = "images"  # folder of links to images that were written, in the state folder
UPLOADS = "uploads"  # folder of videos that were uploaded to the page, in the state folder
CREDENTIALS = Path("/run/credentials")  # of each running unit (systemd.exec(5), LoadCredential=)


def asset(name: str) -> Path:
    """Return the shipped file or directory `name`: from the installed package or the checkout."""
    installed = _PACKAGE / "assets" / name
    return installed if installed.exists() else _PACKAGE.parent / name


def extra_remedy(extra: str) -> str:
    """Return how an extra is added to this installation: a command, or the way round.

    Files beside the package tell what made it: INSTALLER and direct_url.json (packaging.python.org,
    "Recording installed projects", "Direct URL"), and those of pipx and uv for a program.
    """
    from importlib import metadata  # it takes 1 MB, and is needed where something is missing

    try:
        made = metadata.distribution("emotiond")
        installer = (made.read_text("INSTALLER") or "").strip()
        origin: dict[str, Any] = json.loads(made.read_text("direct_url.json") or "{}")
    except metadata.PackageNotFoundError:  # a checkout that is run as it lies there
        installer, origin = "", {"url": _PACKAGE.parent.as_uri(), "dir_info": {"editable": True}}
    if installer in COMPLETE:
        return f"{COMPLETE[installer]} is without it: install 'emotiond[{extra}]' by pip instead"
    url, requirement = origin.get("url", ""), f"'emotiond[{extra}]'"
    if url.startswith("file:"):
        editable = "-e " if origin.get("dir_info", {}).get("editable") else ""
        requirement = f"{editable}'{unquote(urlsplit(url).path)}[{extra}]'"
    elif url:
        vcs = f"{origin['vcs_info']['vcs']}+" if "vcs_info" in origin else ""
        requirement = f"'emotiond[{extra}] @ {vcs}{url}'"
    if Path(sys.prefix, "pipx_metadata.json").exists():
        return f"pipx install --force {requirement}"
    if Path(sys.prefix, "uv-receipt.toml").exists():
        return f"uv tool install {requirement}"
    if installer == "uv":
        return f"uv pip install --python {sys.prefix} {requirement}"
    on_path = shutil.which("pip") == str(Path(sys.prefix, "bin", "pip"))
    return f"{'pip' if on_path else f'{sys.executable} -m pip'} install {requirement}"


def find_model(model: Path) -> Path:
    """Return the .tflite file of a path, or of a shipped model's name, or raise a ModelError."""
    bare = model.parent == Path() and model.suffix != ".tflite"
    path = asset("models") / f"{model.name}.tflite" if bare else model
    with suppress(OSError):  # a name too long is no file either
        if path.is_file():
            return path
    shipped = sorted(file.stem for file in asset("models").glob("*.tflite"))
    raise ModelError(
        f"{path}: no such model; give a path ending in .tflite or one of {', '.join(shipped)}"
    )


def state_directory(kind: str = "STATE", default: str = ".local/state") -> Path:
    """Return the directory of what outlives a restart: a service's, or the user's."""
    service = os.environ.get("STATE_DIRECTORY")
    return Path(service.split(":")[0]) if service else _user_directory(kind, default)


def data_directory() -> Path:
    """Return the directory of files that were downloaded for the daemon."""
    return state_directory("DATA", ".local/share")


def user_config() -> Path:
    """Return the path of the config of the user who runs this, whether or not it is there."""
    return _user_directory("CONFIG", ".config") / "emotiond.yaml"


def _user_directory(kind: str, default: str) -> Path:
    named = os.environ.get(f"XDG_{kind}_HOME", "")  # XDG ignores a path that is not absolute
    try:
        return (Path(named) if named.startswith("/") else Path.home() / default) / "emotiond"
    except RuntimeError:  # nobody's home: no HOME, and a user that no table knows
        return SERVICE_CONFIGS if kind == "CONFIG" else SERVICE_STATE


def user_name() -> str:
    """Return the name of the user who runs this."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number that no table knows
        return f"user {os.getuid()}"


def path_text(path: Path) -> str:
    """Return a path as valid UTF-8; what is none of its bytes is written in hexadecimal."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def systemd_unit_for(config: Path) -> str | None:
    """Return the unit that runs a config, None where it is not the config of a service."""
    path = config.absolute()
    if path.parent != SERVICE_CONFIGS or path.suffix != ".yaml":
        return None
    return "emotiond.service" if path == SERVICE_CONFIG else f"emotiond@{path.stem}.service"


def service_environment(config: Path) -> dict[str, str]:
    """Return the variables that tell a config's service where its state and secrets are."""
    unit = systemd_unit_for(config)
    if unit is None:
        return {}
    state = SERVICE_STATE.with_name(unit.removesuffix(".service").replace("@", "-"))
    given = CREDENTIALS / unit
    # Of a service that does not run, the files that LoadCredential= of its unit reads. They are
    # root's, and what was given is its service's: to all others neither is there.
    secrets = given if os.access(given, os.R_OK | os.X_OK) else SERVICE_CONFIGS
    return {"STATE_DIRECTORY": str(state), "CREDENTIALS_DIRECTORY": str(secrets)}


def sha256_of(content: bytes) -> str:
    """Return the SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def read_model(path: Path) -> bytes:
    """Return the content of a model's file or card."""
    with os_errors_as(ModelError, path):
        return path.read_bytes()


def sha256(path: Path) -> str:
    """Return the SHA-256 of a model's file in hexadecimal; errors as `read_model`."""
    return sha256_of(read_model(path))


def part_of(path: Path, suffix: str = "") -> Path:
    """Return the file beside `path` that it is until it is whole; its name is not too long."""
    data = os.fsencode(path.name)
    name = path.name if len(data) < MAX_NAME_BYTES else sha256_of(data)
    return path.with_name(f".{name}.part{suffix}")


def atomic_write(path: Path, content: bytes, private: bool = False) -> None:
    """Write a file whole or not at all: nobody reads half of it, and no half stays behind.

    A new `private` one is its owner's alone; others keep their mode. A power cut leaves old or new.
    """
    if path.is_dir():  # one without a name of its own, such as `.`, has no part beside it
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    part = part_of(path)
    try:
        with open(part, "wb", opener=private_opener if private else None) as file:
            if path.exists():
                os.fchmod(file.fileno(), path.stat().st_mode & 0o777)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def note_image(path: Path, state: Path) -> None:
    """Remember an image that is about to be written, by a link to it below the state folder."""
    links = state / IMAGE_LINKS
    make_private_folder(links)
    (links / uuid.uuid4().hex).symlink_to(path.absolute())


def private_opener(path: str, flags: int) -> int:
    """Open a file for `open`; one that is made now may be read by its owner alone."""
    return os.open(path, flags, 0o600)


def open_private(path: Path) -> int:
    """Open a file, made if there is none, that only its owner may read; return its descriptor."""
    if path.exists() and path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return private_opener(str(path), os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC)


def lock_private(path: Path) -> int:
    """Open a private file and lock it until the descriptor is closed, or the process ends.

    Its folder is made if there is none, and outlives a power cut. A BlockingIOError: another
    process has locked it; another OSError: it cannot be opened.
    """
    make_private_folder(path.parent)
    lock = open_private(path)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise
    return lock


def make_private_folder(folder: Path) -> None:
    """Make a folder, and its parents, for its owner alone, so that a power cut leaves it."""
    if folder.is_dir():
        return
    make_private_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    parent = os.open(folder.parent, os.O_RDONLY)
    try:
        os.fsync(parent)  # so that its name is on disk as well
    finally:
        os.close(parent)
