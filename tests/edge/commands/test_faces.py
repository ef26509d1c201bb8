"""`emotiond collect` and `emotiond calibrate` as they are typed."""

import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from converter.data import open_dataset
from edge.cli import main
from edge.commands.demo import CLIP
from edge.config import load_config
from edge.infer.classifier import ClassifierSettings, open_classifier
from edge.types import Image
from tests.brokers import wait_until
from tests.edge.infer.test_crop import face_of


def collect(*arguments: str) -> int:
    return main(["collect", *arguments])


def test_what_was_collected_loads_as_a_dataset(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for label in ("happy", "contempt"):
        options = ["--label", label, "--out", str(tmp_path), "--source", str(CLIP), "--count", "4"]
        assert collect(*options) == 0
    data = open_dataset(tmp_path)
    assert data.pixels.shape == (8, 48, 48)
    assert sorted(data.labels.tolist()) == [3] * 4 + [7] * 4
    printed = capsys.readouterr().out
    assert "images of whoever is in view will be written here" in printed.splitlines()[0]
    assert "000004.png: image 4 of 4" in printed
    assert "wrote 4 images" in printed


def test_the_source_of_the_config_is_used(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(f"source: {{kind: video, path: {CLIP}, realtime: false}}")
    options = ["--label", "sad", "--out", str(tmp_path / "mine"), "--config", str(config)]
    assert collect(*options) == 0
    assert len(list((tmp_path / "mine" / "sad").iterdir())) == pytest.approx(38, abs=4)


def test_a_film_without_a_face_is_a_failure_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--label", "sad", "--out", str(tmp_path), "--source", str(tmp_path / "gone.mp4")]
    assert collect(*options) == 1
    assert "expected a face to write, found none" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [["--label", "joy"], ["--label", "sad", "--count", "0"]])
def test_an_unknown_label_or_an_empty_count_is_a_wrong_command_line(
    tmp_path: Path, wrong: list[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        collect("--out", str(tmp_path), *wrong)
    assert caught.value.code == 2


def test_ctrl_c_ends_it_cleanly_and_what_was_written_stays(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(f"source: {{kind: video, path: {CLIP}}}")  # at its own pace: 19 seconds
    folder = tmp_path / "mine" / "happy"
    command = [sys.executable, "-m", "edge", "collect", "--label", "happy"]
    process = subprocess.Popen(
        [*command, "--out", str(folder.parent), "--config", str(config)],
        stdout=subprocess.PIPE,
        text=True,
    )
    wait_until((folder / "000002.png").exists, 60)
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "wrote" in printed.splitlines()[-1]
    assert len(open_dataset(folder.parent)) >= 2


def calibrate(directory: Path, *arguments: str) -> int:
    config = directory / "config.yaml"
    config.write_text("detector: {kind: haar}")
    return main(["calibrate", "--config", str(config), *arguments])


def test_what_it_writes_is_what_the_config_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "me.json"
    options = ["--source", str(CLIP), "--seconds", "2.5", "--out", str(out)]
    assert calibrate(tmp_path, *options) == 0
    first, second, third = capsys.readouterr().out.splitlines()
    assert "for 2.5 s; no image is kept" in first
    assert second.startswith(f"{out}: ")
    assert "looks; " in second
    assert f"classifier: {{neutral_baseline: {out}}}" in third
    config = tmp_path / "mine.yaml"
    config.write_text("classifier: {neutral_baseline: me.json}")
    assert open_classifier(load_config(config).classifier).card.name == "shallow-int8"
    assert main(["check", "--config", str(config)]) == 0


def test_an_earlier_baseline_does_not_count(tmp_path: Path) -> None:
    options = ["--source", str(CLIP), "--seconds", "2.5"]
    assert calibrate(tmp_path, *options, "--out", str(tmp_path / "me.json")) == 0
    config = tmp_path / "again.yaml"
    config.write_text("detector: {kind: haar}\nclassifier: {neutral_baseline: me.json}")
    again = ["--config", str(config), *options, "--out", str(tmp_path / "again.json")]
    assert main(["calibrate", *again]) == 0
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "me.json").read_bytes()


def test_nobody_in_view_is_a_failure_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--source", str(tmp_path / "gone.mp4"), "--out", str(tmp_path / "me.json")]
    assert calibrate(tmp_path, *options) == 1
    assert "found 0" in capsys.readouterr().err
    assert not (tmp_path / "me.json").exists()


@pytest.fixture
def pictures(tmp_path: Path, clip: list[Image]) -> Path:
    """Five pictures of a happy face, five of a neutral one."""
    for label, face in (("happy", clip[4]), ("neutral", clip[0])):
        (tmp_path / "pictures" / label).mkdir(parents=True)
        for number in range(5):
            brighter = np.clip(face * (1 + 0.02 * number), 0, 255).astype(np.uint8)
            cv2.imwrite(str(tmp_path / "pictures" / label / f"{number}.png"), brighter)
    return tmp_path / "pictures"


def test_expressions_are_learned_from_a_folder_and_forgotten_again(
    pictures: Path, tmp_path: Path, clip: list[Image], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "me.json"
    assert calibrate(tmp_path, "--source", str(CLIP), "--seconds", "2.5", "--out", str(out)) == 0
    neutral = out.read_bytes()
    learn = ["--expressions", "--source", str(pictures), "--out", str(out)]
    assert calibrate(tmp_path, *learn) == 0
    told = capsys.readouterr().out
    assert f"{out}: 10 looks; 100% were told apart without it, 100% with it" in told
    assert f"classifier: {{neutral_baseline: {out}}}" in told
    (tmp_path / "mine.yaml").write_text("classifier: {neutral_baseline: me.json}")
    corrected = open_classifier(load_config(tmp_path / "mine.yaml").classifier)
    plain, labels = open_classifier(ClassifierSettings()), corrected.card.labels
    for face, label in ((clip[4], "happy"), (clip[0], "neutral")):
        said, before = (
            one.classify([face_of(face)]).probabilities[0] for one in (corrected, plain)
        )
        assert labels[int(said.argmax())] == label
        assert np.abs(said - before).max() > 0.005
    assert calibrate(tmp_path, *learn) == 0  # what was learned before is replaced
    assert calibrate(tmp_path, "--undo", "--out", str(out)) == 0
    assert out.read_bytes() == neutral


def test_two_of_five_pictures_that_show_nobody_are_one_line_and_nothing_is_written(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (1, 3):
        wall = np.full((480, 640, 3), 90, np.uint8)
        cv2.imwrite(str(pictures / "happy" / f"{number}.png"), wall)
    out = tmp_path / "me.json"
    learn = ["--expressions", "--source", str(pictures), "--out", str(out)]
    assert calibrate(tmp_path, *learn) == 1
    (line,) = capsys.readouterr().err.splitlines()
    wanted = "happy: expected at least 5 good looks at one face, found 3, 2 without a face"
    assert wanted in line
    assert not out.exists()


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (["happy"], "expected two or more of angry"),
        (["happy", "happy"], "each once, found happy, happy"),
        (["happy", "bored"], "found happy, bored"),
    ],
)
def test_expressions_that_cannot_be_learned_are_one_line(
    labels: list[str], reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for source in (CLIP, tmp_path):
        assert calibrate(tmp_path, "--source", str(source), "--expressions", *labels) == 78
        (line,) = capsys.readouterr().err.splitlines()
        assert reason in line


def test_a_folder_without_folders_of_pictures_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert calibrate(tmp_path, "--source", str(tmp_path), "--expressions") == 78
    (line,) = capsys.readouterr().err.splitlines()
    assert "contempt, each once, found none" in line


@pytest.mark.parametrize("seconds", ["0", "-3", "long", "nan", "inf"])
def test_a_time_that_is_none_is_a_wrong_command_line(tmp_path: Path, seconds: str) -> None:
    with pytest.raises(SystemExit) as caught:
        calibrate(tmp_path, "--seconds", seconds)
    assert caught.value.code == 2


@pytest.mark.parametrize("out", [".", "/", "/dev/full", "missing/me.json"])
def test_a_file_that_could_not_be_written_is_told_before_anybody_sits_still(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    out: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert calibrate(tmp_path, "--source", str(CLIP), "--out", out) == 1
    output = capsys.readouterr()
    assert "cannot be written" in output.err
    assert output.out == ""
