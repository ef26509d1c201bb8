"""This installation: what made it, and how an extra is added to it."""

import json
import shutil
import sys
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
    from importlib import metadata  # it takes 1 MB, and is needed where something is missing

    try:
        made = metadata.distribution("emotiond")
        installer = (made.read_text("INSTALLER") or "").strip()
        origin: dict[str, Any] = json.loads(made.read_text("direct_url.json") or "{}")
    except metadata.PackageNotFoundError:  # a checkout that is run as it lies there
        checkout = Path(__file__).parents[1]
        installer, origin = "", {"url": checkout.as_uri(), "dir_info": {"editable": True}}
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
