"""The command, on images of the built-in clip."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.types import Image
from tools.tracking_eval.__main__ import main
from tools.tracking_eval.clips import HELD_FRAMES, ClipLabels, LabeledClip

FACE = "{region: [240, 165, 406, 310], height: 260}"


@pytest.fixture
def folder(tmp_path: Path, clip: list[Image]) -> Path:
    """A folder with a photo of a face, a video of one, a bare wall, and a file without a label."""
    wall = np.full((480, 640, 3), 150, dtype=np.uint8)
    for name, image in (("face", clip[0]), ("wall", wall), ("unlabeled", wall)):
        cv2.imwrite(str(tmp_path / f"{name}.png"), image)
    video = cv2.VideoWriter(
        str(tmp_path / "video.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 25, (640, 480)
    )
    for _ in range(25):
        video.write(clip[0])
    video.release()
    faces = f"{{people: [{FACE}]}}"
    (tmp_path / "labels.yaml").write_text(
        f"face.png: {faces}\nvideo.mp4: {faces}\nwall.png: {{}}\ngone.png: {{}}\n"
    )
    return tmp_path


def run(folder: Path, *options: str) -> int:
    return main([str(folder), "--labels", str(folder / "labels.yaml"), *options])


def test_every_labeled_file_has_its_row(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, "--detector", "haar") == 0
    lines = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines()]
    rows = {line[0]: line[1:] for line in lines if len(line) > 1}
    assert [rows[name][0] for name in ("face.png", "video.mp4", "wall.png")] == ["1", "25", "1"]
    assert [rows[name][1] for name in ("face.png", "wall.png")] == ["1.00 of 1", "0.00 of 0"]
    assert rows["haar"][:2] == ["2 of 2 (100%)", "2 of 2 (100%)"]
    assert not {"unlabeled.png", "gone.png"} & set(rows)


def test_out_holds_an_image_of_each_file_and_detector(folder: Path) -> None:
    out = folder / "out"
    assert (
        run(
            folder,
            "--detector",
            "haar",
            "--detector",
            "{kind: haar, width: 160}",
            "--out",
            str(out),
        )
        == 0
    )
    names = {path.name for path in out.iterdir()}
    assert names == {
        f"{detector}-{file}.png"
        for detector in ("haar", "haar-width-160")
        for file in ("face", "video", "wall")
    }


def test_without_a_choice_every_detector_at_hand_is_compared(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder) == 0
    printed = capsys.readouterr().out
    assert "## haar\n" in printed
    for kind in ("yunet", "mediapipe"):
        assert f"## {kind}\n" in printed or f"without {kind}: " in printed


def test_the_sweep_compares_intervals_of_the_detector(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "wall.png").unlink()
    assert run(folder, "--sweep", "--detector", "haar") == 0
    printed = capsys.readouterr().out
    assert "| every 1, static scenes too | 100% |" in printed
    assert "### images held before a camera" in printed


def test_an_image_held_before_a_camera_is_a_video_with_a_little_noise(folder: Path) -> None:
    frames = list(LabeledClip(folder / "wall.png", ClipLabels(), held=True).frames())
    assert len(frames) == HELD_FRAMES
    assert not frames[0].still
    assert 0 < np.abs(frames[0].image.astype(int) - frames[1].image).mean() < 5


def test_a_folder_that_is_not_there_is_told_in_a_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = str(folder / "labels.yaml")
    assert main([str(folder / "none"), "--labels", labels, "--detector", "haar"]) == 1
    assert "none: cannot be read" in capsys.readouterr().err


def test_a_detector_that_is_not_there_is_told_in_a_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, "--detector", "hair") == 78
    assert "hair" in capsys.readouterr().err
