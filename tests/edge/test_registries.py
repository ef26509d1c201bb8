"""A source, detector or sink is its own file and its place in the registry of its package.

Each test adds a toy one of each to a copy of the package and uses it by its config: nothing else in
the package knows of it.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SOURCE = """
import time
from typing import ClassVar, Literal

import numpy as np

from edge.capture.source import EndOfStream
from edge.types import Frame, KindSettings


class ToySettings(KindSettings, frozen=True, tag="toy"):
    is_live: ClassVar[Literal[False]] = False

    frames: int = 3

    @property
    def location(self) -> str:
        return "toy box"

    def open(self) -> "ToySource":
        return ToySource(self.frames)


class ToySource:
    online = True

    def __init__(self, frames: int) -> None:
        self._left = iter(range(frames))

    def read(self) -> Frame:
        index = next(self._left, None)
        if index is None:
            raise EndOfStream
        image = np.zeros((48, 64, 3), np.uint8)
        return Frame(image, index, index / 25, captured=time.monotonic())

    def close(self) -> None:
        pass
"""

DETECTOR = """
from edge.detect.detector import CropCalibration
from edge.geometry import Box
from edge.types import Face, KindSettings


class ToySettings(KindSettings, frozen=True, tag="toy"):
    side: int = 20

    def open(self) -> "Toy":
        return Toy(self.side)


class Toy:
    name = "toy"
    searches_near = False
    crop_fit = CropCalibration(1.0, 0.0, 0.0)

    def __init__(self, side: int) -> None:
        self.side = side

    def detect(self, image, known=()):
        return [Face(Box(0, 0, self.side, self.side), 1.0)]
"""

SINK = """
from pathlib import Path
from typing import ClassVar

import msgspec

from edge.errors import ConfigError, ok
from edge.publish.sink import BaseSinkSettings, Sink


class ToySettings(BaseSinkSettings, frozen=True, tag="toy"):
    takes_commands: ClassVar[bool] = True

    path: Path
    token: str = ""

    @property
    def outbox_name(self):
        return "toy box"

    def open(self, context):
        if not self.path.parent.is_dir():
            raise ConfigError(f"{self.path.parent}: expected a folder for toys")
        return ToySink(self.path, context)

    def check(self):
        yield ok("toy sink", f"has room beside {self.path.name}")

    def redacted(self):
        return msgspec.structs.replace(self, token="(hidden)")


class ToySink(Sink):
    def __init__(self, path, context):
        self._path = path
        self._lines = [context.outbox.name, "toy" in context.catalog.detectors]

    def publish(self, record):
        self._lines.append(type(record).__name__)

    def close(self, timeout):
        self._path.write_text(" ".join(map(str, self._lines)))
"""

CONFIG = """
source: {kind: toy, frames: 25}
detector: {kind: toy, side: 30}
sinks: [{kind: toy, path: toys.txt, token: rosebud}]
state_dir: state
"""

OPEN = """
from pathlib import Path
from edge.capture import open_source
from edge.config import load_config, parse_source
from edge.detect import open_detector
config = load_config(Path("toy.yaml"))
image = open_source(config.source).read().image
print(open_detector(config.detector).detect(image)[0].box.x2, parse_source("toy").frames)
"""

INFO = """
from pathlib import Path
import msgspec
from edge.service.commands import CommandRequest, GetInfo
from edge.service.controller import Controller
answer = lambda result: print(msgspec.json.encode(result.data).decode())
Controller(Path("toy.yaml")).answer(CommandRequest(GetInfo(), answer))
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder with a copy of the package that knows a toy source, detector and sink."""
    shutil.copytree(ROOT / "edge", tmp_path / "edge", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("models", "config"):
        (tmp_path / name).symlink_to(ROOT / name)
    for folder, text, member in (
        ("capture", SOURCE, "CameraSettings"),
        ("detect", DETECTOR, "BuiltinSettings"),
        ("publish", SINK, "MqttSettings"),
    ):
        (tmp_path / "edge" / folder / "toy.py").write_text(text)
        registry = tmp_path / "edge" / folder / "__init__.py"
        before = registry.read_text()
        after = before.replace(f"{member} | ", f"{member} | toy.ToySettings | ", 1)
        assert after != before
        first_import = f"from edge.{folder}."
        registry.write_text(
            after.replace(first_import, f"from edge.{folder} import toy\n{first_import}", 1)
        )
    (tmp_path / "toy.yaml").write_text(CONFIG)
    return tmp_path


def run(package: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run Python on the copy."""
    environment = {**os.environ, "PYTHONPATH": str(package)}
    command = [sys.executable, *arguments]
    return subprocess.run(
        command,
        cwd=package,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def emotiond(package: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of the copy with the toys' config."""
    return run(package, "-m", "edge", *arguments, "--config", "toy.yaml")


def test_a_toy_source_and_detector_are_opened_by_their_config(package: Path) -> None:
    done = run(package, "-c", OPEN)
    assert done.stdout == "30 3\n", done.stderr


def test_a_toy_detector_is_named_by_check(package: Path) -> None:
    done = emotiond(package, "check")
    assert "the detector toy" in done.stdout, done.stderr


def test_a_toy_sink_that_cannot_be_opened_fails_the_check(package: Path) -> None:
    config = package / "toy.yaml"
    config.write_text(config.read_text().replace("toys.txt", "nowhere/toys.txt"))
    done = emotiond(package, "check")
    assert done.returncode == 78
    assert "nowhere: expected a folder for toys" in done.stderr


def test_toys_are_examined_by_doctor(package: Path) -> None:
    text = json.dumps(json.loads(emotiond(package, "doctor", "--json").stdout))
    assert "source toy box" in text
    assert "gives images of 64x48" in text
    assert "toy can be used" in text
    assert "has room beside toys.txt" in text


def test_toys_are_told_by_info_without_their_secrets(package: Path) -> None:
    done = run(package, "-c", INFO)
    assert done.stdout, done.stderr
    info = json.loads(done.stdout)
    assert info["detector"] == "toy"
    assert "toy" in info["detectors"]
    assert info["config"]["source"] == {"kind": "toy", "frames": 25}
    (sink,) = info["config"]["sinks"]
    assert (sink["kind"], sink["token"]) == ("toy", "(hidden)")
    assert "rosebud" not in done.stdout


def test_a_daemon_of_toys_runs_until_its_source_ends(package: Path) -> None:
    done = emotiond(package, "run")
    assert done.returncode == 0, done.stderr
    assert "25 frames" in done.stderr
    outbox, records = (package / "toys.txt").read_text().split(".sqlite ")
    assert outbox == "outbox-toy box"
    assert records.startswith("True DaemonStatus ")  # the catalog of its commands has the detector
    assert records.endswith(" Stats")


def test_a_toy_sink_is_told_by_audit_as_one_by_which_images_may_leave(package: Path) -> None:
    rows = json.loads(emotiond(package, "audit", "--json").stdout)
    assert [(row["data"], row["to"]) for row in rows if row["leaves"]] == [("images", "toy")]
    assert any("outbox-toy box" in row["where"] for row in rows)
