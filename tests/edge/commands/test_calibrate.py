"""`emotiond calibrate` as it is typed."""

from pathlib import Path

import pytest

from edge.cli import main
from edge.commands.demo import CLIP
from edge.config import load_config
from edge.infer.classifier import open_classifier


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
    assert "for 2.5 s; no picture is kept" in first
    assert second.startswith(f"{out}: ")
    assert "looks; " in second
    assert f"classifier: {{baseline: {out}}}" in third
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
