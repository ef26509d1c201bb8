"""pip itself fetches here, out of a folder in place of a registry."""

import os
import zipfile
from pathlib import Path

import pytest

from edge.cli import main
from edge.detect.model_files import (
    FULL_RANGE,
    PACKAGES,
    Package,
    PublishedFile,
    fetch,
    find_file,
    find_published,
    installed_model_directory,
    model_directory,
)
from edge.errors import EmotiondError, ModelError
from edge.paths import sha256_of


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
    for directory in (model_directory(), installed_model_directory()):
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


CONTENT = b"weights"
FILE = PublishedFile("nets/data/net.tflite", sha256_of(CONTENT))
PACKAGE = Package("nets==1.0", (FILE,))


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the wheel of one package, which pip takes for all there is."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    with zipfile.ZipFile(folder / "nets-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("nets/data/net.tflite", CONTENT)
        wheel.writestr(
            "nets-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: nets\nVersion: 1.0\n"
        )
        wheel.writestr("nets-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("nets-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_the_files_of_a_package_are_stored(shelf: Path, tmp_path: Path) -> None:
    directory = tmp_path / "new" / "models"
    assert fetch(PACKAGE, directory) == [directory / "net.tflite"]
    assert (directory / "net.tflite").read_bytes() == CONTENT
    assert [path.name for path in directory.iterdir()] == ["net.tflite"]


def test_they_are_stored_in_the_model_directory_unless_told_otherwise(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    assert fetch(PACKAGE) == [tmp_path / "state" / "models" / "net.tflite"]


def test_another_user_can_read_them_whatever_the_umask(shelf: Path, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        (path,) = fetch(PACKAGE, tmp_path / "models")
    finally:
        os.umask(before)
    assert (path.parent.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o755, 0o644)


def test_what_is_there_is_not_fetched_again(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(PACKAGE, tmp_path)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nothing"))
    assert fetch(PACKAGE, tmp_path) == [tmp_path / "net.tflite"]


def test_what_is_there_and_damaged_is_fetched_again(shelf: Path, tmp_path: Path) -> None:
    (tmp_path / "net.tflite").write_bytes(CONTENT[:3])
    fetch(PACKAGE, tmp_path)
    assert (tmp_path / "net.tflite").read_bytes() == CONTENT


def test_a_file_that_differs_from_the_published_one_is_refused_and_nothing_is_stored(
    shelf: Path, tmp_path: Path
) -> None:
    other = PublishedFile(FILE.member, sha256_of(b"other"))
    with pytest.raises(EmotiondError, match=r"net\.tflite is not the file expected"):
        fetch(Package("nets==1.0", (FILE, other)), tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_a_package_without_the_file_is_refused(shelf: Path, tmp_path: Path) -> None:
    missing = PublishedFile("nets/data/gone.tflite", sha256_of(b""))
    with pytest.raises(EmotiondError, match="does not hold the files expected"):
        fetch(Package("nets==1.0", (missing,)), tmp_path)


def test_without_the_package_pips_own_words_are_told(shelf: Path, tmp_path: Path) -> None:
    with pytest.raises(EmotiondError, match=r"nets==2\.0: pip cannot download it: .*nets==2\.0"):
        fetch(Package("nets==2.0", (FILE,)), tmp_path)


def test_a_directory_that_cannot_be_written_is_named(shelf: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmotiondError, match="file/models: cannot be written"):
        fetch(PACKAGE, tmp_path / "file" / "models")


def test_a_file_that_cannot_be_written_is_named_and_leaves_nothing_behind(
    shelf: Path, tmp_path: Path
) -> None:
    (tmp_path / "net.tflite").mkdir()
    with pytest.raises(EmotiondError, match=r"net\.tflite: cannot be written: Is a directory"):
        fetch(PACKAGE, tmp_path)
    assert not list(tmp_path.glob(".*.part"))


def test_a_wheel_that_a_mirror_damaged_is_refused(shelf: Path, tmp_path: Path) -> None:
    (wheel,) = shelf.iterdir()
    packed = Package("nets==1.0", (PublishedFile("nets/data/long.tflite", sha256_of(b"")),))
    with zipfile.ZipFile(wheel, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("nets/data/long.tflite", bytes(range(256)) * 99)
    content = bytearray(wheel.read_bytes())
    start = content.index(b"nets/data/long.tflite") + len("nets/data/long.tflite")
    content[start : start + 40] = b"\xff" * 40
    wheel.write_bytes(content)
    with pytest.raises(EmotiondError, match="does not hold the files expected"):
        fetch(packed, tmp_path)


def test_what_is_for_the_service_goes_into_the_installation(
    shelf: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    monkeypatch.setitem(PACKAGES, "blazeface", PACKAGE)
    assert main(["models", "fetch", "blazeface", "--service"]) == 0
    path = tmp_path / "share" / "emotiond" / "models" / "net.tflite"
    assert path.is_file()
    assert capsys.readouterr().out == f"{path}: there, and checked\n"


def test_the_command_says_in_one_line_that_nothing_could_be_fetched(
    shelf: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    assert main(["models", "fetch", "blazeface"]) == 1
    assert capsys.readouterr().err.startswith("emotiond: mediapipe==0.10.21: pip cannot")
