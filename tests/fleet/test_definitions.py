"""Who may come in to a RabbitMQ cluster: config/fleet/rabbitmq/definitions.py."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.conftest import ROOT

CONFIG = ROOT / "config" / "fleet" / "rabbitmq"


def define(lines: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(CONFIG / "definitions.py")]
    return subprocess.run(command, input=lines, capture_output=True, text=True, check=False)


def defined(lines: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = json.loads(define(lines).stdout)
    return found


def test_no_password_stands_in_the_definitions() -> None:
    assert "sesame" not in define("cam-01:sesame").stdout


def test_a_password_may_hold_colons() -> None:
    users = defined("cam-01:one:two\ndesk:one:two:reader")["users"]
    assert [user["name"] for user in users] == ["cam-01", "desk"]


def test_only_an_operator_may_write_commands_of_others() -> None:
    found = defined("cam-01:a\ndesk:b:reader\nboss:c:operator")["topic_permissions"]
    assert [each["user"] for each in found if "[^.]+[.](set|request)" in each["write"]] == ["boss"]


@pytest.mark.parametrize("line", ["cam-01", "cam-01:", "cam/01:secret", ".*:secret", ":secret"])
def test_a_line_that_is_none_is_told_in_one_line_without_its_password(line: str) -> None:
    refused = define(line)
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert refused.stderr.startswith("expected NAME:PASSWORD")
    assert "secret" not in refused.stderr
