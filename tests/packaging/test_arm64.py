"""The Debian package for arm64, installed by apt into a bare Debian 13 and run by emulation."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from edge.commands.demo import CLIP
from tests.packaging import emulation
from tests.packaging.packages import built

PYTHON = "/opt/emotiond/current/lib/python3.13"
CONFIG = f"""\
source: {{kind: video, path: {PYTHON}/site-packages/edge/commands/{CLIP.name}, realtime: false}}
sinks: [{{kind: jsonl, path: /events.jsonl}}]
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of a Debian that has nothing but the package and what it depends on."""
    package = built("emotiond_*+deb13_arm64.deb")
    if (reason := emulation.obstacle()) is not None:
        pytest.skip(reason)
    root = tmp_path_factory.mktemp("arm64") / "root"
    options = ["--quiet", "--mode=root", "--variant=apt", "--architectures=arm64"]
    options += ["--aptopt=APT::Install-Recommends false", "--dpkgopt=force-unsafe-io"]
    options += [f"--customize-hook=copy-in {package} /tmp"]
    options += [f'--customize-hook=chroot "$1" apt-get install --yes /tmp/{package.name}']
    subprocess.run(["mmdebstrap", *options, "trixie", str(root)], check=True)
    (root / "cpuinfo").write_text(emulation.CPUINFO)
    (root / "clip.yaml").write_text(CONFIG)
    return root


def run(root: Path, *command: str) -> str:
    """Run a program there, which sees the CPU of a Raspberry Pi; return what it printed."""
    mounts = 'mount -t proc proc "$0/proc"; mount --bind "$0/cpuinfo" "$0/proc/cpuinfo"; '
    inside = ["unshare", "--mount", "bash", "-ec", f'{mounts} exec chroot "$0" "$@"', str(root)]
    environment = os.environ | emulation.CPU
    done = subprocess.run(
        [*inside, *command], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_publishes_what_it_sees(installed: Path) -> None:
    assert run(installed, "uname", "-m") == "aarch64\n"
    assert "shallow-int8" in run(installed, "emotiond", "check")
    run(installed, "emotiond", "run", "--config", "/clip.yaml")
    events = (installed / "events.jsonl").read_text().splitlines()
    assert {"start", "change", "end"} == {json.loads(event)["type"] for event in events}


def test_it_is_removed_without_a_trace(installed: Path) -> None:
    run(installed, "apt-get", "purge", "--yes", "emotiond")
    assert not (installed / "opt" / "emotiond").exists()
    assert not (installed / "etc" / "emotiond").exists()
