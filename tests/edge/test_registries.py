"""A source or detector is its own file and its place in the registry of its package: nothing else.

Each test adds a toy one to a copy of the package and uses it by its config.
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

import msgspec
import numpy as np

from edge.capture.source import EndOfStream
from edge.types import Frame


class ToySettings(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="toy"
):
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
import msgspec

from edge.detect.detector import CropCalibration
from edge.geometry import Box
from edge.types import Face


class ToySettings(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="toy"
):
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

CONFIG = """
source: {kind: toy, frames: 5}
detector: {kind: toy, side: 30}
sinks: [{kind: jsonl, path: events.jsonl}]
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


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder with a copy of the package that knows a toy source and a toy detector."""
    shutil.copytree(ROOT / "edge", tmp_path / "edge", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("models", "config"):
        (tmp_path / name).symlink_to(ROOT / name)
    for folder, text, member in (
        ("capture", SOURCE, "CameraSettings"),
        ("detect", DETECTOR, "BuiltinSettings"),
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


def run(package: Path, *arguments: str) -> str:
    """Run Python on the copy; return what it prints."""
    environment = {**os.environ, "PYTHONPATH": str(package)}
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command,
        cwd=package,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.stdout


def test_a_toy_source_and_detector_are_opened_by_their_config(package: Path) -> None:
    assert run(package, "-c", OPEN) == "30 3\n"


def test_a_toy_detector_is_named_by_check(package: Path) -> None:
    assert "the detector toy" in run(package, "-m", "edge", "check", "--config", "toy.yaml")


def test_a_toy_source_and_detector_are_examined_by_doctor(package: Path) -> None:
    found = json.loads(run(package, "-m", "edge", "doctor", "--json", "--config", "toy.yaml"))
    text = json.dumps(found)
    assert "source toy box" in text
    assert "gives pictures of 64x48" in text
    assert "toy can be used" in text
