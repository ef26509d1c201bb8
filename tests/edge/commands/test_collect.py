"""`emotiond collect` as it is typed."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from converter.data import open_dataset
from edge.cli import main
from edge.commands.demo import CLIP
from tests.brokers import wait_until


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
    assert "pictures of whoever is in view will be written here" in printed.splitlines()[0]
    assert "000004.png: picture 4 of 4" in printed
    assert "wrote 4 pictures" in printed


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
