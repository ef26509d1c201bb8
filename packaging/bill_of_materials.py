"""The bill of materials of an image (CycloneDX 1.5): Python's packages and Debian's."""

import json
import tarfile
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from environment import PROJECT, commit_time, version

DPKG_STATUS = "./var/lib/dpkg/status"


def bill_of_materials(packages: Path, base: Path, architecture: str) -> bytes:
    """Return it as JSON.

    Args:
        packages: a site-packages folder.
        base: tar of a Debian root.
        architecture: as Debian names it.
    """
    python = [
        component(f"pkg:pypi/{one.name.lower().replace('_', '-')}@{one.version}", one.name, one)
        for one in sorted(distributions(path=[str(packages)]), key=lambda one: one.name.lower())
        if one.name != "emotiond"
    ]
    created = datetime.fromtimestamp(commit_time(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    program = {
        "type": "application",
        "name": "emotiond",
        "version": version(),
        "purl": f"pkg:pypi/emotiond@{version()}",
        "licenses": [{"expression": PROJECT["license"]}],
    }
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"timestamp": created, "component": program},
        "components": [*python, *debian_components(base, architecture)],
    }
    return json.dumps(bill, indent=1).encode() + b"\n"


def component(purl: str, name: str, one: Any) -> dict[str, Any]:
    """Return the entry of a Python package, with its license where that is stated."""
    entry = {"type": "library", "name": name, "version": one.version, "purl": purl}
    if expression := one.metadata.get("License-Expression"):
        entry["licenses"] = [{"expression": expression}]
    return entry


def debian_components(base: Path, architecture: str) -> list[dict[str, Any]]:
    """Return the entries of a Debian root's packages, as dpkg knows them."""
    with tarfile.open(base) as archive:
        file = archive.extractfile(DPKG_STATUS)
        assert file is not None
        status = file.read().decode()
    entries = []
    for paragraph in status.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line)
        name, release = fields["Package"], fields["Version"]
        purl = f"pkg:deb/debian/{name}@{release}?arch={fields.get('Architecture', architecture)}"
        entries.append({"type": "library", "name": name, "version": release, "purl": purl})
    return entries
