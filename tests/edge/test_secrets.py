from pathlib import Path

import msgspec
import pytest

from edge.errors import ConfigError
from edge.secrets import SecretRef


def test_a_secret_is_read_from_a_file_without_the_white_space_around_it(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(" two words\n")
    assert SecretRef(file=tmp_path / "password").resolve() == "two words"


def test_a_secret_is_read_from_an_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_PASSWORD", "hunter2")
    assert SecretRef(env="MY_PASSWORD").resolve() == "hunter2"


def test_a_secret_is_read_from_systemds_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mqtt").write_text("hunter2\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert SecretRef(credential="mqtt").resolve() == "hunter2"


@pytest.mark.parametrize(
    ("secret", "message"),
    [
        (SecretRef(file=Path("/none")), "/none: the secret cannot be read: .*No such file"),
        (SecretRef(env="NOT_SET_ANYWHERE"), "environment variable NOT_SET_ANYWHERE"),
        (SecretRef(credential="mqtt"), "set LoadCredential= in the unit"),
    ],
)
def test_a_secret_that_is_not_there_is_an_error_that_says_where_it_should_be(
    secret: SecretRef, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(ConfigError, match=message):
        secret.resolve()


@pytest.mark.parametrize(
    "data", [{}, {"file": "a", "env": "B"}, {"credential": "../../etc/shadow"}, {"text": "hunter2"}]
)
def test_a_secret_is_in_exactly_one_place_and_never_in_the_config(data: dict[str, str]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(data, SecretRef, dec_hook=lambda kind, value: kind(value))
