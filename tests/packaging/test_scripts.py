"""What `packaging/` writes without building anything: release, manual page, compose, scripts."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from edge import __version__
from edge.cli import COMMANDS
from edge.config import load_config
from edge.config_values import ENVIRONMENT_PREFIX
from edge.publish import MqttSettings
from tests.conftest import ROOT

PACKAGING = ROOT / "packaging"


def run(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **variables}
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_dry_run_of_a_release_tells_everything_and_changes_nothing(tmp_path: Path) -> None:
    before = (ROOT / "edge" / "__init__.py").read_bytes()
    done = run("packaging/release", __version__, "--dry-run", f"--out={tmp_path}")
    assert done.returncode == 0, done.stderr
    for part in (
        "hatchling",
        "deb/build",
        "oci/build",
        "homeassistant/build",
        "trixie",
        "arm64",
        "SHA256SUMS",
    ):
        assert part in done.stdout
    assert (ROOT / "edge" / "__init__.py").read_bytes() == before
    assert list(tmp_path.iterdir()) == []


def test_a_release_is_whole_or_fails_and_its_checksums_are_of_its_own_files(tmp_path: Path) -> None:
    told = run("packaging/release", __version__, "--dry-run", f"--out={tmp_path}").stdout
    names = told.partition("SHA256SUMS: of ")[2].split()
    assert len(names) == 11
    for name in (*names, "emotiond-0.0.9-amd64.oci.tar.xz"):
        (tmp_path / name).write_text(name)
    (tmp_path / "again").mkdir()
    code = (
        "import importlib.machinery, pathlib, sys; "
        "release = importlib.machinery.SourceFileLoader('release', 'packaging/release'); "
        "write = release.load_module().write_sums; write(pathlib.Path(sys.argv[1]), sys.argv[2:])"
    )
    assert run("-c", code, str(tmp_path), *names).returncode == 0
    check = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    done = subprocess.run(check, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == names
    (tmp_path / names[-1]).unlink()
    failed = run("-c", code, str(tmp_path), *names)
    assert failed.returncode == 1
    assert names[-1] in failed.stderr


@pytest.mark.parametrize("version", ["1.0", "v1.0.0", "7.7.7"])
def test_a_release_without_its_changelog_or_with_another_kind_of_version_is_refused(
    version: str,
) -> None:
    done = run("packaging/release", version, "--dry-run")
    assert done.returncode == 1
    assert f"expected a section `## {version}`" in done.stderr
    assert ("expected a version such as" in done.stderr) == (version != "7.7.7")


def test_a_release_writes_its_version_everywhere(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    shutil.copytree(PACKAGING, checkout / "packaging")
    for path in ("edge/__init__.py", "docs/install.md", "README.md"):
        (checkout / path).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / path, checkout / path)
    for path in ("CHANGELOG.md", "packaging/homeassistant/emotiond/CHANGELOG.md"):
        (checkout / path).write_text("# Changelog\n\n## 7.8.9\n")
    # What is built first fails here, and then nothing more is built.
    done = run(str(checkout / "packaging" / "release"), "7.8.9", PATH="")
    assert done.returncode != 0
    named = [
        path.relative_to(checkout).as_posix()
        for path in checkout.rglob("*")
        if path.is_file() and b"7.8.9" in path.read_bytes() and path.name != "CHANGELOG.md"
    ]
    assert sorted(named) == [
        "README.md",
        "docs/install.md",
        "edge/__init__.py",
        "packaging/homeassistant/emotiond/config.yaml",
        "packaging/oci/compose.yaml",
    ]
    left = [path for path in named if __version__ in (checkout / path).read_text()]
    assert left == []


def test_the_manual_page_has_every_command_and_its_options() -> None:
    done = run("packaging/manpage.py")
    assert done.returncode == 0, done.stderr
    for command in COMMANDS:
        assert f".SS emotiond {command}\n" in done.stdout
    assert r"\-\-mqtt\-password\-file" in done.stdout
    assert str(ROOT) not in done.stdout
    if shutil.which("man"):
        page = ["man", "--warnings", "--local-file", "-"]
        read = subprocess.run(page, input=done.stdout, capture_output=True, text=True, check=True)
        assert read.stderr == ""


def compose() -> dict[str, Any]:
    document = yaml.safe_load((PACKAGING / "oci" / "compose.yaml").read_text())
    service: dict[str, Any] = document["services"]["emotiond"]
    return service


def test_the_variables_of_compose_make_a_config(monkeypatch: pytest.MonkeyPatch) -> None:
    service = compose()
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    for name, text in service["environment"].items():
        assert name.startswith(ENVIRONMENT_PREFIX) or name == "TZ"
        monkeypatch.setenv(name, text)
    (sink,) = load_config(ROOT / "config" / "emotiond.yaml").sinks
    assert isinstance(sink, MqttSettings)
    assert (sink.host, sink.device) == ("mosquitto", "front")


def test_the_first_boot_of_a_raspberry_pi_makes_a_config_of_its_own_camera(tmp_path: Path) -> None:
    data = yaml.safe_load((PACKAGING / "raspberry-pi" / "user-data").read_text())
    (edit,) = [command for command in data["runcmd"] if command[0] == "sed"]
    config = shutil.copy(ROOT / "config" / "emotiond.yaml", tmp_path)
    subprocess.run([*edit[:-1], config], check=True)
    assert type(load_config(Path(config)).source).__name__ == "PicameraSettings"


@pytest.mark.parametrize("name", ["preinst", "postinst", "prerm", "postrm"])
def test_the_scripts_of_the_debian_package_are_whole(name: str) -> None:
    steps = (ROOT / "systemd" / "steps").read_text()
    script = (PACKAGING / "deb" / name).read_text().replace("@STEPS@", steps)
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "@" not in re.sub(r"\[@\]|emotiond@|@example", "", script)


@pytest.mark.parametrize(
    "script", ["deb/build", "oci/build", "homeassistant/build", "release", "environment.py"]
)
def test_every_script_says_what_it_takes(script: str) -> None:
    done = run(str(PACKAGING / script), "--help")
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout
