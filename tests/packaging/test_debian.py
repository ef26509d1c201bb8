"""The Debian package, tried on a booted Debian: installed, upgraded, removed, purged."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.commands.demo import CLIP
from tests.conftest import ROOT
from tests.packaging.packages import built
from tests.system import machine
from tests.system.camera import Stream
from tests.system.guest import SUPPLIES, Guest, run, wait
from tests.system.installation import files
from tests.system.light import LightGuest
from tests.system.root import Recipe, root

SOURCE = (
    f"sed -i 's|^  kind: camera .*|  kind: stream\\n  url: {Stream.source['url']}|; "
    "/^  device: 0 /,/^  fps: 30/d'"
)
NOT_OURS = ("/var/lib/dpkg/", "/var/lib/apt/")
PAUSE = "mosquitto_pub -t emotiond/guest/set/pause -m"
EVENT = "timeout 60 mosquitto_sub -C 1 -t 'emotiond/+/event'"
STATUS = "systemctl show --property=StatusText emotiond"


@pytest.fixture(scope="module")
def package() -> Path:
    return built(f"emotiond_*+deb{os.environ.get('DEBIAN', '12')}_amd64.deb")


@pytest.fixture(scope="module")
def guest(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """A booted Debian with the package, and later ones that differ in their version alone."""
    if (reason := machine.obstacle("light")) is not None:
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("debian")
    supplies = folder / "supplies"
    supplies.mkdir()
    shutil.copy(package, supplies / "emotiond.deb")
    (supplies / "clip.mjpeg").write_bytes(machine.jpegs(CLIP))
    subprocess.run(["dpkg-deb", "-R", package, folder / "tree"], check=True)
    control = folder / "tree" / "DEBIAN" / "control"
    for version in ("9.0", "9.1"):
        lines = control.read_text().splitlines()
        changed = [f"Version: {version}" if "Version:" in line else line for line in lines]
        control.write_text("\n".join(changed) + "\n")
        pack = ["dpkg-deb", "-Znone", "-b", str(folder / "tree"), f"{supplies}/{version}.deb"]
        subprocess.run(pack, check=True)
    (folder / "guest").mkdir()
    suite = {"12": "bookworm", "13": "trixie"}[os.environ.get("DEBIAN", "12")]
    booted = LightGuest(root(Recipe(suite)), ROOT, supplies, folder / "guest")
    yield booted
    booted.close()


def apt(guest: Guest, arguments: str) -> str:
    options = "-qq --allow-downgrades -o Dpkg::Options::=--force-confold"
    return run(guest, f"cd {SUPPLIES} && apt-get {options} {arguments} 2>&1", timeout=300)


def main_process(guest: Guest) -> str:
    return run(guest, "systemctl show --property=MainPID --value emotiond").strip()


def test_lintian_finds_no_error(package: Path) -> None:
    if shutil.which("lintian") is None:
        pytest.skip("lintian is not installed")
    done = subprocess.run(
        ["lintian", "--fail-on", "error", package], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_it_is_installed_upgraded_removed_and_purged(guest: Guest) -> None:
    before = files(guest)
    run(guest, "systemctl start mosquitto")
    begun = time.monotonic()
    apt(guest, "install ./emotiond.deb")
    Stream(guest).plug()
    assert run(guest, "systemctl is-enabled emotiond").strip() == "enabled"
    run(guest, f"{SOURCE} /etc/emotiond/emotiond.yaml && emotiond check")
    run(guest, "systemctl restart emotiond", timeout=120)
    assert '"emotion"' in run(guest, EVENT, timeout=120)
    print(f"Debian package: {time.monotonic() - begun:.0f} s from nothing to the first event")
    config = run(guest, "cat /etc/emotiond/emotiond.yaml")
    run(guest, "sed -i s/keepalive_s:/keepalive:/ /etc/emotiond/emotiond.yaml")  # of version 0.1
    old = run(guest, "cat /etc/emotiond/emotiond.yaml")
    run(guest, f"{PAUSE} ON")
    wait(guest, lambda: run(guest, "ls /var/lib/emotiond").count("pause.json"))

    apt(guest, "install ./9.0.deb")  # upgrade: config and state stay, the daemon is a new one
    wait(guest, lambda: "camera paused" in run(guest, STATUS))
    # Until the daemon is at the broker, which does not keep commands, nobody hears them.
    wait(guest, lambda: run(guest, f"{PAUSE} OFF; {STATUS}").count("camera online"))
    assert run(guest, "cat /etc/emotiond/emotiond.yaml") == config
    assert run(guest, "cat /etc/emotiond/emotiond.yaml.before-*") == old != config
    run(guest, EVENT, timeout=120)

    process = main_process(guest)
    run(guest, "echo 'nonsense: 1' >> /etc/emotiond/emotiond.yaml")
    told = apt(guest, "install ./9.1.deb")
    assert "emotiond.service is not restarted" in told
    assert "nonsense" in told
    assert main_process(guest) == process

    run(guest, "sed -i /nonsense/d /etc/emotiond/emotiond.yaml")
    apt(guest, "install ./emotiond.deb")  # downgrade
    run(guest, EVENT, timeout=120)
    assert main_process(guest) != process

    apt(guest, "remove emotiond")
    assert run(guest, "systemctl is-active emotiond || true").strip() == "inactive"
    assert "/opt/emotiond" not in files(guest)
    assert run(guest, "cat /etc/emotiond/emotiond.yaml") == config
    apt(guest, "purge emotiond")
    assert [path for path in files(guest) - before if not path.startswith(NOT_OURS)] == []


def test_it_leaves_alone_what_systemd_install_made(guest: Guest) -> None:
    run(guest, "mkdir -p /opt/emotiond/1 && ln -s /opt/emotiond/1 /opt/emotiond/current")
    done = guest.execute(f"dpkg -i {SUPPLIES}/9.0.deb", "", 120)
    assert done.returncode != 0
    assert "systemd/uninstall" in done.stderr
    assert run(guest, "readlink /opt/emotiond/current").strip() == "/opt/emotiond/1"
