import os
from pathlib import Path

import pytest

from edge.paths import atomic_write, service_environment, systemd_unit_for

CONFIG = Path("/etc/emotiond/emotiond.yaml")


@pytest.mark.parametrize(
    ("config", "unit"),
    [
        ("/etc/emotiond/emotiond.yaml", "emotiond.service"),
        ("/etc/emotiond/front-door.yaml", "emotiond@front-door.service"),
        ("/etc/emotiond/emotiond.yaml.new", None),
        ("/home/pi/emotiond.yaml", None),
    ],
)
def test_a_config_belongs_to_the_unit_that_reads_it(config: str, unit: str | None) -> None:
    assert systemd_unit_for(Path(config)) == unit


def test_a_command_on_a_services_config_looks_where_systemd_has_the_service_look() -> None:
    assert service_environment(CONFIG) == {
        "STATE_DIRECTORY": "/var/lib/emotiond",
        "CREDENTIALS_DIRECTORY": "/etc/emotiond",
    }
    one = service_environment(CONFIG.with_name("front.yaml"))
    assert one["STATE_DIRECTORY"] == "/var/lib/emotiond-front"


def test_of_a_service_that_runs_the_secrets_are_those_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.paths.CREDENTIALS", tmp_path)
    (tmp_path / "emotiond.service").mkdir()
    given = service_environment(CONFIG)["CREDENTIALS_DIRECTORY"]
    assert given == str(tmp_path / "emotiond.service")


def test_a_config_of_no_service_leaves_everything_as_the_user_has_it() -> None:
    assert service_environment(Path("emotiond.yaml")) == {}


def test_what_was_given_to_another_user_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may look anywhere; tests/system reloads a service")
    (tmp_path / "credentials").mkdir(mode=0)
    monkeypatch.setattr("edge.paths.CREDENTIALS", tmp_path / "credentials")
    assert service_environment(CONFIG)["CREDENTIALS_DIRECTORY"] == "/etc/emotiond"


def test_a_file_is_written_over_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for content in (b"first", b"second"):
        atomic_write(path, content)
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written_leaves_no_half_behind(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="Is a directory"):
        atomic_write(tmp_path / "taken", b"content")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
