"""The lines of docs/install.md, typed as they stand on a Debian with nothing but their packages at hand."""

import json
import os
import shutil
import time
from collections.abc import Iterator

import pytest
import yaml

from edge import __version__
from tests.conftest import ROOT
from tests.packaging.packages import built
from tests.system import machine
from tests.system.camera import Stream
from tests.system.guest import CHECKOUT, SUPPLIES, Guest, run, start, stop, write
from tests.system.installation import PARTS, WITHOUT_NETWORK
from tests.system.light import LightGuest
from tests.system.root import PYTHON, Recipe, root

DEBIAN = os.environ.get("DEBIAN", "12")
SUITE = {"12": "bookworm", "13": "trixie"}[DEBIAN]
CLIP = f"{CHECKOUT}/edge/commands/faces.mp4"
EVENT = "timeout 240 mosquitto_sub -C 1 -t 'emotiond/hall/event'"


def lines_under(heading: str) -> list[str]:
    """Return the lines of the first block below a heading."""
    text = (ROOT / "docs" / "install.md").read_text()
    section = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return section.partition("```sh\n")[2].partition("```")[0].splitlines()


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """A booted Debian with a broker, sudo and a checkout, and no network."""
    packages = built(f"emotiond_*+deb{DEBIAN}_amd64.deb"), built("emotiond-*-homeassistant.tar")
    if (reason := machine.obstacle("light")) is not None:
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("docs")
    shutil.copytree(machine.supplies(PYTHON[SUITE]), folder / "supplies", copy_function=os.link)
    for package in packages:
        shutil.copy(package, folder / "supplies")
    (folder / "guest").mkdir()
    guest = LightGuest(root(Recipe(SUITE)), ROOT, folder / "supplies", folder / "guest")
    write(guest, "/etc/apt/apt.conf.d/yes", 'APT::Get::Assume-Yes "true";\n')
    write(guest, "/usr/bin/sudo", '#!/bin/sh\nexec "$@"\n')
    run(guest, "chmod 755 /usr/bin/sudo; systemctl start mosquitto")
    run(guest, f"mkdir /root/emotiond && cd {CHECKOUT} && cp -r {PARTS} /root/emotiond")
    yield guest
    guest.close()


def type_lines(guest: Guest, folder: str, lines: list[str], mounts: str = "") -> None:
    """Type lines as a user who looks at what comes; what only looks may find something amiss."""
    looks = ("emotiond doctor", "sudo systemctl status")
    typed = [f"{line} || true" if line.startswith(looks) else line for line in lines]
    run(guest, "\n".join(["set -e", f"cd {folder}", mounts, *typed]), timeout=560)


def first_config(source: str, path: str) -> str:
    """Return the line of the docs that makes a config, for a source and a broker that are there."""
    (line,) = lines_under("A first config")
    for was, now in (
        ("hall.yaml", path),
        ("--source 0", f"--source {source} --force"),
        ("broker.local", "localhost"),
    ):
        assert was in line
        line = line.replace(was, now)
    return line


def test_pip(guest: Guest) -> None:
    begun = time.monotonic()
    lines = [*lines_under("With pip"), first_config(CLIP, "hall.yaml")]
    type_lines(guest, "/root/emotiond", lines, f"export {WITHOUT_NETWORK}")
    program = "/root/emotiond/venv/bin/emotiond run --config /root/emotiond/hall.yaml"
    unit = start(guest, "pip", program)
    assert '"emotion"' in run(guest, EVENT, timeout=250)
    seconds = time.monotonic() - begun
    size = run(guest, "du -sm /root/emotiond/venv").split()[0]
    print(f"pip: {seconds:.0f} s to the first event, {size} MB installed")
    stop(guest, unit)


def test_home_assistant_app(guest: Guest) -> None:
    """Unpacked as the docs say, built as its Dockerfile says, and run below a small Supervisor."""
    (line,) = lines_under("Home Assistant app")
    archive = f"emotiond-{__version__}-homeassistant.tar"
    assert line == f"tar -xf dist/{archive} -C /addons"
    begun = time.monotonic()
    type_lines(guest, "/", ["mkdir /addons /data", line.replace("dist", SUPPLIES)])
    entrypoint = build_image(guest, "/addons/emotiond")
    service = {"data": {"host": "127.0.0.1", "port": 1883, "ssl": False}}
    run(guest, "mkdir -p /tmp/supervisor/services")
    write(guest, "/tmp/supervisor/services/mqtt", json.dumps(service))
    start(guest, "supervisor", "python3 -m http.server --directory /tmp/supervisor 8765")
    settings = yaml.safe_load(run(guest, "cat /addons/emotiond/config.yaml"))
    options = settings["options"] | {"source": CLIP, "device": "hall"}
    write(guest, "/data/options.json", json.dumps(options))
    unit = start(guest, "app", f"{entrypoint} --supervisor http://127.0.0.1:8765")
    assert '"emotion"' in run(guest, EVENT, timeout=250)
    seconds = time.monotonic() - begun
    size = run(guest, "du -sm /opt/emotiond").split()[0]
    print(f"Home Assistant app: {seconds:.0f} s to the first event, {size} MB installed")
    stop(guest, unit)
    run(guest, "rm -rf /opt/emotiond")


def build_image(guest: Guest, folder: str) -> str:
    """Run the steps of a Dockerfile in the guest itself, where apt has nothing to fetch.

    Return the command of its ENTRYPOINT.
    """
    text = run(guest, f"cat {folder}/Dockerfile").replace("\\\n", "")
    steps = [line.split(" ", 1) for line in text.splitlines() if line and line[0] != "#"]
    for word, rest in steps:
        if word == "COPY":
            *sources, target = rest.split()
            made = target if target.endswith("/") else target.rpartition("/")[0]
            run(guest, f"cd {folder} && mkdir -p {made} && cp {' '.join(sources)} {target}")
        elif word == "RUN":
            type_lines(guest, "/", [rest], f"apt-get() {{ :; }}; export {WITHOUT_NETWORK}")
    assert {word for word, _ in steps} == {"FROM", "RUN", "COPY", "ENV", "ENTRYPOINT"}
    return " ".join(json.loads(steps[-1][1]))


def test_debian_package(guest: Guest) -> None:
    install, *others = lines_under("Debian package")
    name = f"./emotiond_{__version__}+deb{DEBIAN}_amd64.deb"
    assert f"emotiond_{__version__}+deb12_amd64.deb" in install
    run(guest, "mosquitto_pub -r -n -t emotiond/hall/event")
    begun = time.monotonic()
    typed = [f"{install.rpartition(' ')[0]} {name}", *others]
    type_lines(guest, SUPPLIES, typed)
    Stream(guest).plug()
    config = first_config(Stream.source["url"], "/etc/emotiond/emotiond.yaml")
    type_lines(guest, "/", [config, "sudo systemctl restart emotiond"])
    assert '"emotion"' in run(guest, EVENT, timeout=250)
    seconds = time.monotonic() - begun
    size = run(guest, "du -sm /opt/emotiond").split()[0]
    print(f"Debian package: {seconds:.0f} s to the first event, {size} MB installed")
