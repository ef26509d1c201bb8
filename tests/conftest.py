"""What many tests share: the built-in clip, the media of this workplace, brokers, the schema."""

import csv
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from edge.commands.demo import CLIP
from edge.detect.model_files import FULL_RANGE, find_file
from edge.types import Image
from tests.brokers import MOSQUITTO, Broker, Mosquitto, new_broker
from tests.films import frames_of

# Nothing is timed in tests: the machine may be busy. And what is tried is the same each time, so that
# a failure is of the change that it comes with; `--hypothesis-profile exploring` tries other things.
settings.register_profile("exploring", deadline=None, suppress_health_check=list(HealthCheck))
settings.register_profile("patient", settings.get_profile("exploring"), derandomize=True)
settings.load_profile("patient")

ROOT = Path(__file__).parent.parent
MEDIA = ROOT.parent / "shared" / "data" / "media"


@pytest.fixture(scope="session", autouse=True)
def _home_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the config and the state of the user who runs the tests out of them."""
    with pytest.MonkeyPatch.context() as patch:
        for kind in ("CONFIG", "STATE"):
            patch.setenv(f"XDG_{kind}_HOME", str(tmp_path_factory.mktemp(kind.lower())))
        yield


@pytest.fixture(scope="session")
def clip() -> list[Image]:
    """Every 25th frame of the built-in clip: one face in each."""
    return frames_of(CLIP)[::25]


@pytest.fixture
def media() -> Path:
    """The folder of real photos and clips."""
    if not MEDIA.is_dir():
        pytest.skip("the photos and clips of ../shared/data/media are not on this machine")
    return MEDIA


@pytest.fixture
def faceless(tmp_path: Path) -> Path:
    """A folder of photographs without a face: rooms, landscapes, objects, prints, animals."""
    faces = MEDIA.parent / "faces"
    if not faces.is_dir():
        pytest.skip("the photographs of ../shared/data/faces are not on this machine")
    folder = tmp_path / "faceless"
    folder.mkdir()
    with (faces / "negatives.csv").open() as file:
        for row in csv.DictReader(file):
            if row["split"] == "test":
                (folder / Path(row["file"]).name).symlink_to(faces / row["file"])
    return folder


@pytest.fixture
def blazeface() -> None:
    """Skip where the networks of blazeface were not fetched."""
    if find_file(FULL_RANGE.name) is None:
        pytest.skip("`emotiond models fetch blazeface` has not been run on this machine")


@pytest.fixture
def yunet() -> Path:
    """The network of YuNet that lies beside the media."""
    path = MEDIA.parent / "detectors" / "yunet_s.onnx"
    if not path.is_file():
        pytest.skip("YuNet's network, ../shared/data/detectors, is not on this machine")
    return path


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A running broker: Mosquitto, or the embedded one where there is no Mosquitto."""
    with new_broker(tmp_path) as running:
        yield running


@pytest.fixture
def needs_mosquitto() -> None:
    """Skip where only the embedded broker is at hand."""
    if MOSQUITTO is None:
        pytest.skip("Mosquitto is not installed, and the embedded broker knows no passwords or TLS")


@pytest.fixture
def secured(tmp_path: Path, needs_mosquitto: None) -> Iterator[Mosquitto]:
    """A Mosquitto that lets in user `edge` with password `secret`, and nobody else."""
    passwords = tmp_path / "passwords"
    passwords.touch()
    subprocess.run(["mosquitto_passwd", "-b", str(passwords), "edge", "secret"], check=True)
    with Mosquitto(tmp_path, f"allow_anonymous false\npassword_file {passwords}") as running:
        yield running


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which broker the tests ran against."""
    if MOSQUITTO:
        terminalreporter.write_line(f"MQTT tests ran against {MOSQUITTO}")
    else:
        terminalreporter.write_line(
            "Mosquitto is not installed: MQTT tests ran against the embedded broker"
        )
