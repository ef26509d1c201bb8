"""A missing package is answered with what adds it to this very installation."""

import json
import sys
from pathlib import Path

import pytest

from edge.paths import extra_remedy

WHEEL = {"url": "file:///srv/a%20b/emotiond-0.1.0-py3-none-any.whl", "archive_info": {}}
CHECKOUT = {"url": "file:///srv/emotiond", "dir_info": {"editable": True}}
FOLDER = {"url": "file:///srv/emotiond", "dir_info": {}}
REPOSITORY = {"url": "https://example.org/e.git", "vcs_info": {"vcs": "git", "commit_id": "1"}}


@pytest.mark.parametrize(
    ("installer", "origin", "beside", "remedy"),
    [
        ("pip", None, None, "-m pip install 'emotiond[web]'"),
        ("pip", WHEEL, None, "install '/srv/a b/emotiond-0.1.0-py3-none-any.whl[web]'"),
        ("pip", CHECKOUT, None, "install -e '/srv/emotiond[web]'"),
        ("pip", FOLDER, None, "install '/srv/emotiond[web]'"),
        ("pip", REPOSITORY, None, "install 'emotiond[web] @ git+https://example.org/e.git'"),
        ("pip", None, "pipx_metadata.json", "pipx install --force 'emotiond[web]'"),
        ("uv", None, "uv-receipt.toml", "uv tool install 'emotiond[web]'"),
        ("uv", None, None, "uv pip install --python PREFIX 'emotiond[web]'"),
        ("debian", None, None, "the Debian package is without it"),
        ("oci", None, None, "the container image is without it"),
    ],
)
def test_the_remedy_is_that_of_the_installation(
    installer: str,
    origin: dict[str, object] | None,
    beside: str | None,
    remedy: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    info = tmp_path / "emotiond-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.4\nName: emotiond\nVersion: 0.1.0\n")
    (info / "INSTALLER").write_text(f"{installer}\n")
    if origin is not None:
        (info / "direct_url.json").write_text(json.dumps(origin))
    if beside is not None:
        (tmp_path / beside).touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert remedy.replace("PREFIX", str(tmp_path)) in extra_remedy("web")
