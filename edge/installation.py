"""This installation: what made it, and how an extra is added to it."""

import json
import shutil
import sys
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

COMPLETE = {"debian": "the Debian package", "oci": "the container image"}
"""Installations that nothing is added to, by what `packaging/` writes into their INSTALLER."""


def extra_remedy(extra: str) -> str:
    """Return how an extra is added to this installation: a command, or the way round.

    Files beside the package tell what made it: INSTALLER and direct_url.json
    (packaging.python.org, "Recording installed projects" and "Direct URL"), and those of pipx and
    uv for a program with an environment of its own.
    """
    try:
        made = metadata.distribution("emotiond")
        installer = (made.read_text("INSTALLER") or "").strip()
        origin = json.loads(made.read_text("direct_url.json") or "{}")
    except metadata.PackageNotFoundError:  # a checkout that is run as it lies there
        checkout = Path(__file__).parents[1]
        installer, origin = "", {"url": checkout.as_uri(), "dir_info": {"editable": True}}
    if installer in COMPLETE:
        return f"{COMPLETE[installer]} is without it: install 'emotiond[{extra}]' by pip instead"
    requirement = _requirement(extra, origin)
    if Path(sys.prefix, "pipx_metadata.json").exists():
        return f"pipx install --force {requirement}"
    if Path(sys.prefix, "uv-receipt.toml").exists():
        return f"uv tool install {requirement}"
    if installer == "uv":
        return f"uv pip install --python {sys.prefix} {requirement}"
    on_path = shutil.which("pip") == str(Path(sys.prefix, "bin", "pip"))
    return f"{'pip' if on_path else f'{sys.executable} -m pip'} install {requirement}"


def _requirement(extra: str, origin: dict[str, Any]) -> str:
    """Return the quoted words by which pip finds an extra where emotiond came from."""
    url = origin.get("url", "")
    if url.startswith("file:"):
        editable = origin.get("dir_info", {}).get("editable")
        return f"{'-e ' if editable else ''}'{unquote(urlsplit(url).path)}[{extra}]'"
    if "vcs_info" in origin:
        url = f"{origin['vcs_info']['vcs']}+{url}"
    return f"'emotiond[{extra}] @ {url}'" if url else f"'emotiond[{extra}]'"
