"""The docs' lines for the container, typed with podman for docker: a broker, the image, an event."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from edge import __version__
from tests.conftest import ROOT
from tests.packaging.packages import built
from tests.packaging.test_container import CLIP
from tests.packaging.test_docs import lines_under
from tests.system.root import Recipe, root

COMPOSE = ROOT / "packaging" / "oci" / "compose.yaml"
PROGRAMS = ("podman", "podman-compose", "runc", "iptables", "/usr/lib/podman/netavark")
SETTINGS = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[network]
network_backend = "netavark"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
"""Of podman; with them it runs in a container of its own and without systemd, too."""

BROKER = "docker.io/library/eclipse-mosquitto:2"


class Podman:
    """podman with images and containers of its own, below a folder."""

    def __init__(self, folder: Path) -> None:
        (folder / "containers.conf").write_text(SETTINGS)
        storage = f'driver = "overlay"\ngraphroot = "{folder}/store"\nrunroot = "{folder}/run"\n'
        (folder / "storage.conf").write_text(f"[storage]\n{storage}")
        self._environment = {
            **os.environ,
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
        }

    def __call__(self, *words: str, stdin: int | None = None) -> str:
        """Run `podman` or `podman-compose` and return what it printed."""
        done = subprocess.run(
            words,
            env=self._environment,
            stdin=stdin,
            capture_output=True,
            text=True,
            timeout=580,
            check=False,
        )
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    """podman with the image that was built, and a broker of Debian by the name of Eclipse's."""
    image = built("emotiond-*-amd64.oci.tar.xz")
    if os.geteuid() != 0 or not all(map(shutil.which, PROGRAMS)):
        pytest.skip(
            "needs root, and Debian's podman, podman-compose, runc, iptables, netavark, aardvark-dns"
        )
    load, up = lines_under("Container")
    assert load == f"docker load --input dist/{image.name}"
    assert up == "docker compose -f packaging/oci/compose.yaml up"
    podman = Podman(tmp_path_factory.mktemp("podman"))
    assert f"emotiond:{__version__}" in podman("podman", "load", "--input", str(image))
    config = "listener 1883\nallow_anonymous true\n"  # what Eclipse's image has by that name
    pack = ["tar", "--create", "--directory", str(root(Recipe("bookworm"))), "."]
    with subprocess.Popen(pack, stdout=subprocess.PIPE) as packed:
        assert packed.stdout is not None
        podman("podman", "import", "-", "bare", stdin=packed.stdout.fileno())
    name = podman("podman", "create", "bare", "true").strip()
    source = tmp_path_factory.mktemp("broker") / "no-auth.conf"
    source.write_text(config)
    podman("podman", "cp", str(source), f"{name}:/mosquitto-no-auth.conf")
    path = "PATH=/usr/sbin:/usr/bin"
    podman("podman", "commit", "--quiet", "--change", f"ENV {path}", name, BROKER)
    yield podman
    podman("podman", "rm", "--all", "--force")
    podman("podman", "rmi", "--all", "--force")


def test_what_compose_brings_up_publishes_an_event(podman: Podman, tmp_path: Path) -> None:
    """Its lines as they stand, but for the camera, which is the built-in clip."""
    document = yaml.safe_load(COMPOSE.read_text())
    service = document["services"]["emotiond"]
    service["image"] = f"emotiond:{__version__}"
    del service["devices"]
    del service["environment"]["EMOTIOND_SOURCE__DEVICE"]
    service["environment"] |= {"EMOTIOND_SOURCE": f'{{"kind": "video", "path": "{CLIP}"}}'}
    (tmp_path / "compose.yaml").write_text(yaml.safe_dump(document))
    compose = ["podman-compose", "-p", "box", "-f", str(tmp_path / "compose.yaml")]
    begun = time.monotonic()
    podman(*compose, "up", "--detach")
    try:
        told = ["podman", "exec", "box_mosquitto_1", "mosquitto_sub", "-C", "1", "-W", "240"]
        assert '"emotion"' in podman(*told, "-t", "emotiond/front/event")
        print(f"container: {time.monotonic() - begun:.0f} s from `up` to the first event")
    except AssertionError as error:
        error.add_note(podman(*compose, "logs"))
        raise
    finally:
        podman(*compose, "down")
