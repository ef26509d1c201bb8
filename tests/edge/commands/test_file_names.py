"""Names and kinds of files that `image` and `video` are given."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.commands.demo import CLIP
from edge.types import Image
from tests.conftest import ROOT
from tests.films import cut

NO_UTF8 = os.fsdecode(b"f\xff")


def emotiond(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edge", *map(str, arguments)]
    return subprocess.run(
        command, check=False, cwd=ROOT, capture_output=True, text=True, errors="replace"
    )


@pytest.fixture
def photo(tmp_path: Path, clip: list[Image]) -> Path:
    path = tmp_path / "photo.jpg"
    cv2.imwrite(str(path), clip[2])
    return path


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_an_image_may_have_a_name_that_is_no_utf8(photo: Path, form: tuple[str, ...]) -> None:
    named = photo.rename(photo.with_name(f"{NO_UTF8}.jpg"))
    done = emotiond("image", *form, named)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    if form:
        told = json.loads(done.stdout)
        assert told["path"].endswith(r"f\xff.jpg")
        assert len(told["faces"]) == 1


def test_a_video_may_have_a_name_that_is_no_utf8_and_spoils_no_batch(tmp_path: Path) -> None:
    named = Path(shutil.copy(CLIP, tmp_path / f"{NO_UTF8}.mp4"))
    done = emotiond("video", "--json", "--jobs", "1", named, CLIP)
    assert done.returncode == 0, done.stderr
    first, second = map(json.loads, done.stdout.splitlines())
    assert first["path"].endswith(r"f\xff.mp4")
    assert first["frames"] == second["frames"] == 475


def test_a_name_may_be_as_long_as_the_file_system_takes(photo: Path, tmp_path: Path) -> None:
    image, outputs = photo.rename(tmp_path / f"{'x' * 251}.jpg"), tmp_path / "out"
    done = emotiond("image", image, "--out", outputs)
    assert done.returncode == 0, done.stderr
    video = cut(tmp_path / "film.mp4", 2).rename(tmp_path / f"{'y' * 251}.mp4")
    done = emotiond("video", video, "--out", outputs, "--events", outputs, "--timeline", outputs)
    assert done.returncode == 0, done.stderr
    assert sorted(path.suffix for path in outputs.iterdir()) == [".jpg", ".jsonl", ".mp4", ".svg"]


def test_an_image_in_which_nothing_can_be_seen_says_so(photo: Path, tmp_path: Path) -> None:
    deep = tmp_path / "deep.png"  # as of a depth camera: of 16 bits only the lower ones are used
    cv2.imwrite(str(deep), np.random.default_rng(1).integers(0, 200, (90, 90), np.uint16))
    done = emotiond("image", deep, photo)
    assert done.stderr.count("shows nothing: all of it has one color") == 1
    assert "deep.png: shows nothing" in done.stderr
    assert done.returncode == 0


def test_an_image_is_no_video_and_a_video_no_image(photo: Path) -> None:
    done = emotiond("video", photo)
    assert done.returncode == 2
    assert "`emotiond image` reads images" in done.stderr
    done = emotiond("image", CLIP)
    assert done.returncode == 1
    assert "`emotiond video` reads videos" in done.stderr


def test_what_a_folder_has_besides_images_is_counted(photo: Path) -> None:
    for name in ("a.heic", "b.heic", "notes.txt", "README"):
        photo.with_name(name).write_text("no image")
    photo.with_name("old.jfif").write_bytes(photo.read_bytes())
    done = emotiond("image", photo.parent)
    assert done.returncode == 0
    assert "passed over 2 of .heic, 1 of .txt, 1 of no suffix" in done.stderr
    assert done.stdout.count("1 face") == 2
