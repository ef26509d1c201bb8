"""The wheel, installed from an index folder into an environment of its own, is whole."""

import os
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import cv2
import pytest

from edge import __version__
from edge.types import Image
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def installed(index: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with emotiond of the index, which finds all else at hand."""
    prefix = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(prefix)], check=True)
    (packages,) = prefix.glob("lib/python3.*/site-packages")
    (packages / "others.pth").write_text(
        "\n".join(path for path in sys.path if path not in ("", str(ROOT)))
    )
    pip = [sys.executable, "-m", "pip", "--python", str(prefix / "bin" / "python"), "install"]
    pip += ["--quiet", "--disable-pip-version-check", "--no-index", f"--find-links={index}"]
    pip += ["--no-deps", "--ignore-installed", "emotiond[all]"]
    subprocess.run(pip, check=True)
    return prefix / "bin"


def run(program: Path, *arguments: str, folder: Path) -> str:
    """Run an installed program far from the checkout; return what it printed."""
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    environment["XDG_STATE_HOME"] = str(folder)
    done = subprocess.run(
        [str(program), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_checks_its_own_config_and_models(installed: Path, tmp_path: Path) -> None:
    assert run(installed / "emotiond", "--version", folder=tmp_path) == f"emotiond {__version__}\n"
    assert "shallow-int8" in run(installed / "emotiond", "check", folder=tmp_path)


def test_it_finds_the_face_in_an_image(installed: Path, clip: list[Image], tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "face.png"), clip[0])
    assert "1 face" in run(installed / "emotiond", "image", "face.png", folder=tmp_path)


def test_it_carries_recipes_clip_and_units(installed: Path, tmp_path: Path) -> None:
    code = (
        "from converter.recipes import RECIPES; from edge.commands.demo import CLIP; "
        "from edge.paths import asset; "
        "units, blueprints = asset('systemd'), asset('config/homeassistant'); "
        "print(RECIPES / 'quick.yaml', CLIP, units / 'emotiond.service', blueprints)"
    )
    for path in run(installed / "python", "-c", code, folder=tmp_path).split():
        assert Path(path).is_relative_to(installed.parent)
        assert Path(path).exists()


def test_a_missing_extra_is_added_from_where_it_came(installed: Path, tmp_path: Path) -> None:
    code = "from edge.paths import extra_remedy; print(extra_remedy('web'))"
    told = run(installed / "python", "-c", code, folder=tmp_path)
    assert told == f"{installed / 'python'} -m pip install 'emotiond[web]'\n"


def test_its_metadata_is_complete(index: Path) -> None:
    (wheel,) = index.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        text = archive.read(f"emotiond-{__version__}.dist-info/METADATA").decode()
    metadata = Parser().parsestr(text)
    links = dict(link.split(", ") for link in metadata.get_all("Project-URL", []))
    assert links.keys() >= {"Homepage", "Repository", "Documentation", "Changelog", "Issues"}
    assert metadata["License-Expression"] == "MIT AND LicenseRef-emotiond-weights"
    licenses = [name for name in names if "/licenses/" in name]
    assert len(licenses) == len(metadata.get_all("License-File", [])) == 2
    assert "all" in metadata.get_all("Provides-Extra", [])
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert not [name for name in names if name.startswith(("tests", "tools", "docs"))]
