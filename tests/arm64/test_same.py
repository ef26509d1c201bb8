"""The installed wheel gives on a Raspberry Pi what it gives on x86-64."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import cv2
import pytest

from edge.bench.clips import CROWD, ONE_FACE, clip_of
from tests.arm64.board import BOARDS, Board, fetch_networks, install, run
from tests.conftest import ROOT

MEDIA = ROOT / "../shared/data/media"

CHOSEN = [board for board in BOARDS if board.name in os.environ.get("ARM64_BOARDS", "").split()]

DETECTORS = ("builtin", "haar", "blazeface")

MODELS = ("shallow-int8", "shallow-float32")

SAME_BOX, SAME_SHARE = 0.5, 0.01
"""Pixels, and shares of probability, by which answers may differ: floats are added in another
order."""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the boards see, with pictures: a decoded film may differ by a grey level."""
    folder = tmp_path_factory.mktemp("host")
    install(tmp_path_factory.mktemp("wheel"))
    fetch_networks(folder)
    for scene in (ONE_FACE, CROWD):
        for number, image in enumerate(_some_of(clip_of(scene, folder))):
            cv2.imwrite(str(folder / f"{scene.replace(' ', '-')}-{number}.png"), image)
    for photograph in (*MEDIA.glob("*.jpg"), *MEDIA.glob("*.png")):
        shutil.copy(photograph, folder)
    return folder


def _some_of(film: Path) -> Iterator[Any]:
    capture = cv2.VideoCapture(str(film))
    for number in range(100):
        there, image = capture.read()
        if there and number % 40 == 10:
            yield image


@pytest.mark.parametrize("board", CHOSEN, ids=lambda board: board.name)
@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize("model", MODELS)
def test_the_same_faces_show_the_same_emotions(
    folder: Path, board: Board, detector: str, model: str
) -> None:
    pictures = sorted(path.name for path in folder.glob("*.[pj][np]g"))
    command = ["image", "--json", f"--detector={detector}", f"--model={model}", *pictures]
    networks = "XDG_DATA_HOME=/host/share"
    there = _faces(run(board, folder, networks, "python", "-m", "edge", *command))
    environment = {**os.environ, "XDG_DATA_HOME": str(folder / "share")}
    here = _faces(
        subprocess.run(
            [sys.executable, "-m", "edge", *command],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    )
    assert [len(faces) for faces in there] == [len(faces) for faces in here]
    assert sum(map(len, here)) >= 20
    for one, other in zip(chain(*there), chain(*here), strict=True):
        assert one["box"] == pytest.approx(other["box"], abs=SAME_BOX)
        assert one["emotion"] == other["emotion"]
        assert one["probabilities"] == pytest.approx(other["probabilities"], abs=SAME_SHARE)


def _faces(lines: str) -> list[list[dict[str, Any]]]:
    return [json.loads(line)["faces"] for line in lines.splitlines()]
