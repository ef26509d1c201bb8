"""From labeled faces to a model that the daemon loads, in one command that Ctrl-C may interrupt."""

from pathlib import Path

import pytest
import yaml

from converter.cli import main
from edge.config import parse_config
from edge.errors import ExitCode
from edge.infer.classifier import open_classifier
from tests.converter.faces import write_csv

pytest.importorskip("keras", reason="training needs the extra `convert`")

pytestmark = pytest.mark.usefixtures("eager", "small_network", "short_face_head")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with data and a recipe."""
    write_csv(tmp_path, rows_per_label=10)
    (tmp_path / "mine.yaml").write_text("network: tiny\nepochs: 2\nbatch_size: 16\n")
    return tmp_path


def test_a_command_that_ctrl_c_stopped_goes_on_to_a_model_that_the_daemon_uses(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    killed_in_last_epoch: pytest.MonkeyPatch,
) -> None:
    command = ["make-model", str(folder / "fer2013.csv"), "--recipe", str(folder / "mine.yaml")]
    command += ["--out", str(folder / "made")]
    assert main(command) == 130
    stopped = capsys.readouterr().err.splitlines()[-1]
    assert stopped.startswith("emotiond-convert: stopped; the same command")
    assert str(folder / "made" / "mine") in stopped
    killed_in_last_epoch.undo()
    assert main(command) == ExitCode.OK
    told = capsys.readouterr().out
    assert "Epoch 2/2" in told
    assert "Epoch 1/2" not in told
    for step in ("1/4 inspect", "2/4 train", "3/4 quantize", "4/4 evaluate", "70 rows"):
        assert step in told
    line = yaml.safe_load(told.splitlines()[-1])
    classifier = open_classifier(parse_config(line, Path("emotiond.yaml")).classifier)
    name = classifier.card.name  # int8 need not be faster on so small a network
    assert name == "mine-int8" or "without int8: mine-int8: expected" in told
    assert len(classifier.card.labels) == 7
    assert (folder / "made" / f"{name}-report.json").exists()


def test_what_a_recipe_builds_on_is_taken_from_the_shipped_ones_where_none_lies_beside(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is trained here: what would be, and in which order, is announced first."""
    from converter.train import classifier, loop

    monkeypatch.setattr(loop, "multiply_adds_per_second", lambda: 1e3)
    monkeypatch.setattr(classifier, "train", lambda *_: None)
    (folder / "mine.yaml").write_text("start: deep-labels\nnetwork: deep\n")
    command = ["train", str(folder / "mine.yaml"), "--data", str(folder / "fer2013.csv")]
    assert main([*command, "--out", str(folder / "runs" / "mine")]) == ExitCode.OK
    told = capsys.readouterr().err
    names = "teacher-deep, teacher-residual, teacher-smooth, deep-labels, mine"
    assert f"training 5 networks: {names}; about " in told
