"""The container image: run by runc as an ordinary user, with a read-only root, without capabilities."""

import json
import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge import __version__
from tests.brokers import Mosquitto, wait_until
from tests.packaging import emulation
from tests.packaging.packages import built
from tests.subscribers import Subscriber

USER, VIDEO = 1000, 44
SLOWNESS = {"amd64": 1, "arm64": 10}
"""How much longer things take, by architecture: arm64 is emulated."""

MAX_PACKED_BYTES = 150_000_000
CLIP = "/opt/emotiond/current/lib/python3.13/site-packages/edge/commands/faces.mp4"


@pytest.fixture(scope="module", params=SLOWNESS)
def architecture(request: pytest.FixtureRequest) -> str:
    """One that runs here, or is emulated."""
    if request.param == "arm64" and (reason := emulation.obstacle()) is not None:
        pytest.skip(reason)
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def image(architecture: str) -> Path:
    return built(f"emotiond-*-{architecture}.oci.tar.xz")


@pytest.fixture(scope="module")
def bundle(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image as runc takes it; umoci, which unpacks it, has checked the layout."""
    if os.geteuid() != 0 or not (shutil.which("umoci") and shutil.which("runc")):
        pytest.skip("needs root, and Debian's packages umoci and runc")
    folder = tmp_path_factory.mktemp("image")
    with tarfile.open(image) as archive:
        archive.extractall(folder / "layout", filter="data")
    place = folder / "bundle"
    layout = f"{folder / 'layout'}:emotiond:{__version__}"
    subprocess.run(["umoci", "unpack", "--image", layout, place], check=True)
    return place


class Container:
    """The image, run by runc with the network of this machine."""

    def __init__(self, bundle: Path, folder: Path, config: str, is_emulated: bool) -> None:
        self.name = f"emotiond-{time.monotonic_ns()}"
        self.data = folder / "data"
        self.data.mkdir()
        os.chown(self.data, USER, VIDEO)
        (folder / "emotiond.yaml").write_text(config)
        folder.chmod(0o755)
        spec: dict[str, Any] = json.loads((bundle / "config.json").read_text())
        process = spec["process"]
        assert (process["user"]["uid"], process["user"]["gid"]) == (USER, VIDEO)
        process |= {"terminal": False, "capabilities": {}, "noNewPrivileges": True}
        spec["root"]["readonly"] = True
        kept = [one for one in spec["mounts"] if one["destination"] not in ("/data", "/etc/hosts")]
        binds = {"/config": (folder, "ro"), "/data": (self.data, "rw")}
        if is_emulated:
            (folder / "cpuinfo").write_text(emulation.CPUINFO)
            binds["/proc/cpuinfo"] = folder / "cpuinfo", "ro"
            process["env"] += [f"{name}={value}" for name, value in emulation.CPU.items()]
        spec["mounts"] = [one for one in kept if one["type"] != "bind"]
        for place, (source, mode) in binds.items():
            mount = {"destination": place, "type": "bind", "source": str(source)}
            spec["mounts"].append(mount | {"options": ["bind", mode]})
        namespaces = spec["linux"]["namespaces"]
        spec["linux"]["namespaces"] = [one for one in namespaces if one["type"] != "network"]
        (bundle / "config.json").write_text(json.dumps(spec))
        self.log = folder / "log"
        with self.log.open("w") as log:
            command = ["runc", "run", "--bundle", str(bundle), self.name]
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def __enter__(self) -> "Container":
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["runc", "delete", "--force", self.name], check=False)
        self.process.wait(30)

    def run(self, *command: str) -> int:
        """Run a command in the container; return its exit code."""
        return subprocess.run(["runc", "exec", self.name, *command], check=False).returncode


@pytest.fixture
def container(
    bundle: Path, architecture: str, tmp_path: Path, broker: Mosquitto
) -> Iterator[Container]:
    config = f"source: {{kind: video, path: {CLIP}}}\nsinks:\n- kind: mqtt\n  host: 127.0.0.1\n"
    config += f"  port: {broker.port}\n  device: box\n"
    with Container(bundle, tmp_path, config, architecture == "arm64") as running:
        yield running


@pytest.fixture(scope="module")
def settings(image: Path) -> dict[str, Any]:
    """What the image says of itself."""
    with tarfile.open(image) as archive:
        manifest = json.load(archive.extractfile("manifest.json"))  # type: ignore[arg-type]
        told = json.load(archive.extractfile(manifest[0]["Config"]))  # type: ignore[arg-type]
    config: dict[str, Any] = told["config"] | {"architecture": told["architecture"]}
    return config


def test_it_publishes_is_healthy_and_ends_cleanly(
    container: Container, broker: Mosquitto, settings: dict[str, Any], architecture: str
) -> None:
    begun, slowness = time.monotonic(), SLOWNESS[architecture]
    health = settings["Healthcheck"]["Test"][1:]
    with Subscriber(broker.host, broker.port) as heard:
        wait_until(lambda: heard.payloads("emotiond/box/event"), 120 * slowness)
        print(f"container: {time.monotonic() - begun:.0f} s from its start to the first event")
        wait_until(lambda: container.run(*health) == 0, 60 * slowness)
        assert container.run("/usr/bin/touch", "/opt/emotiond/new") != 0
        subprocess.run(["runc", "kill", container.name, "TERM"], check=True)
        assert container.process.wait(30 * slowness) == 0, container.log.read_text()
    assert any(container.data.iterdir())


def test_two_builds_of_one_commit_are_equal() -> None:
    image = built("emotiond-*-amd64.oci.tar.xz")
    again = built(f"again/{image.name}")
    assert image.read_bytes() == again.read_bytes()


def test_it_is_small_and_says_what_it_holds(
    image: Path, settings: dict[str, Any], architecture: str
) -> None:
    assert image.stat().st_size < MAX_PACKED_BYTES
    assert settings["architecture"] == architecture
    labels = {name.rpartition(".")[2]: text for name, text in settings["Labels"].items()}
    assert (labels["title"], labels["version"]) == ("emotiond", __version__)
    assert len(labels["revision"]) == 40
    assert labels["licenses"] == "MIT AND LicenseRef-emotiond-weights"
    bill = json.loads(built(f"emotiond-*-{architecture}.sbom.cdx.json").read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    names = {one["name"].lower() for one in bill["components"]}
    assert names >= {"numpy", "opencv-python-headless", "ai-edge-litert", "python3", "libc6"}
    assert all(one["version"] and one["purl"].startswith("pkg:") for one in bill["components"])
