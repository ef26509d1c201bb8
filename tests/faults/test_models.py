"""A damaged model whose card was signed anew ends no process but its own trial."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from edge.errors import ModelError
from edge.infer.classifier import ClassifierSettings, ModelPath, open_classifier
from edge.paths import sha256
from tests.edge.infer.models import copy_brightness
from tests.faults import fault

DAMAGE = {
    "a segmentation fault": (1744, b"\0\0\0\0"),
    "an abort": (1444, b"j\xfc\xff\xff"),
    "800 megabytes": (1551, b"\0\xff\xff\xff"),
}
"""Places in brightness.tflite, and what is written there; found by `python -m tools.fuzz`'s means."""


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))


def damaged(folder: Path, place: int, data: bytes) -> Path:
    """Write a model with damage at one place, and a card that vouches for it."""
    from tests.edge.infer.models import BRIGHTNESS

    content = bytearray(BRIGHTNESS.read_bytes())
    content[place : place + len(data)] = data
    source = folder / "damaged"
    source.mkdir()
    model = copy_brightness(source)
    model.write_bytes(content)
    card = model.with_suffix(".json")
    card.write_text(card.read_text().replace(sha256(BRIGHTNESS), sha256(model)))
    return model


@fault(
    "model",
    "a damaged model whose card was signed anew",
    seen="one line, exit code 78: no restart",
    recovery="another model",
)
@pytest.mark.parametrize("name", DAMAGE)
def test_it_is_refused_with_one_line_and_the_exit_code_of_a_config(
    name: str, tmp_path: Path
) -> None:
    model = damaged(tmp_path, *DAMAGE[name])
    config = tmp_path / "emotiond.yaml"
    config.write_text(f"classifier: {{model: {model}}}\nsinks: []\n")
    command = [sys.executable, "-m", "edge", "check", "--config", str(config)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 78, run.stderr
    assert "Traceback" not in run.stderr
    lines = [line for line in run.stderr.splitlines() if "damaged/" in line and "tried" not in line]
    assert len(lines) == 1


@fault(
    "model",
    "a model that ends its runtime by a signal",
    seen="the signal, in the line that refuses it",
    recovery="another model",
)
@pytest.mark.parametrize("name", ["a segmentation fault", "an abort"])
def test_the_signal_that_ended_its_trial_is_named(name: str, tmp_path: Path) -> None:
    model = damaged(tmp_path, *DAMAGE[name])
    with pytest.raises(ModelError, match=r"is damaged: litert ends with SIG(SEGV|ABRT)"):
        open_classifier(ClassifierSettings(ModelPath(model)))


def test_a_sound_model_is_tried_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = ClassifierSettings(ModelPath(copy_brightness(tmp_path)))
    with caplog.at_level(logging.INFO, "edge.infer.trial"):
        open_classifier(settings)
        assert len(caplog.records) == 1
        open_classifier(settings)
    assert len(caplog.records) == 1


def test_a_model_that_asks_for_more_memory_than_any_may_take_is_refused(tmp_path: Path) -> None:
    model = damaged(tmp_path, *DAMAGE["800 megabytes"])
    with pytest.raises(ModelError, match="is not a model that litert can run"):
        open_classifier(ClassifierSettings(ModelPath(model)))


def test_a_shipped_model_starts_without_a_trial(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "edge.infer.trial"):
        open_classifier(ClassifierSettings())
    assert caplog.records == []
