from pathlib import Path

import pytest

from edge.detect.model_files import (
    FULL_RANGE,
    find_file,
    find_published,
    model_directories,
    model_directory,
)
from edge.errors import ModelError


def test_a_service_keeps_models_in_its_state_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/emotiond")
    assert model_directory() == Path("/var/lib/emotiond/models")


def test_a_user_keeps_models_among_their_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert model_directory() == tmp_path / "emotiond" / "models"
    monkeypatch.setenv("XDG_DATA_HOME", "relative/ones/are/passed/over")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert model_directory() == tmp_path / ".local" / "share" / "emotiond" / "models"


def test_a_user_without_a_home_has_the_services_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STATE_DIRECTORY", "XDG_DATA_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 4_000_000)  # a user that no table knows
    assert model_directory() == Path("/var/lib/emotiond/models")


@pytest.mark.parametrize("variable", ["STATE_DIRECTORY", "XDG_DATA_HOME"])
def test_service_and_users_find_what_the_installation_has(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv(variable, str(tmp_path / "mine"))
    monkeypatch.setattr("sys.prefix", str(tmp_path / "installed"))
    models = tmp_path / "installed" / "share" / "emotiond" / "models"
    models.mkdir(parents=True)
    (models / "net.onnx").touch()
    assert find_file("net.onnx") == models / "net.onnx"
    assert find_file("other.onnx") is None


def test_ones_own_file_goes_before_that_of_the_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "mine"))
    monkeypatch.setattr("sys.prefix", str(tmp_path / "installed"))
    for directory in model_directories():
        directory.mkdir(parents=True)
        (directory / "net.onnx").touch()
    assert find_file("net.onnx") == tmp_path / "mine" / "models" / "net.onnx"


def test_a_file_with_another_content_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / FULL_RANGE.name).touch()
    with pytest.raises(ModelError, match="is not the published file"):
        find_published(FULL_RANGE)
