import importlib.util
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.commands.embedded_broker import free_port
from edge.doctor.result import Level
from edge.doctor.web import examine_web
from edge.secrets import SecretRef
from edge.view.settings import WebSettings
from tests.edge.doctor.findings import listed, only
from tests.edge.view.web.servers import serve


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that something else has, which never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_page_for_this_machine_alone_on_a_free_port_is_well() -> None:
    port = free_port()
    findings = listed(examine_web(WebSettings(port=port)))
    assert [str(one).split(": ", 1)[1] for one in findings] == [
        "is for this machine alone, without a token",
        f"127.0.0.1:{port} is free",
    ]


def test_a_token_that_can_be_read_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("correct-horse-battery")
    settings = WebSettings(port=free_port(), token=SecretRef(file=tmp_path / "token"))
    assert listed(examine_web(settings))[0].text == "asks for its token"


def test_a_page_that_others_could_reach_without_a_token_is_a_failure() -> None:
    finding = listed(examine_web(WebSettings(host="0.0.0.0", port=free_port())))[0]
    assert finding.level is Level.FAILURE
    assert "token" in finding.text


def test_a_port_that_something_else_has_is_a_failure(
    taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.doctor.web.ANSWER_SECONDS", 0.2)
    finding = listed(examine_web(WebSettings(port=taken)))[1]
    assert finding.level is Level.FAILURE
    assert "Address already in use" in finding.text


def test_a_port_that_a_daemon_serves_its_page_on_is_well() -> None:
    with serve() as house:
        finding = listed(examine_web(WebSettings(port=house.port)))[1]
        assert finding.level is Level.OK
        assert finding.text == f"is served at 127.0.0.1:{house.port} at this moment"


def test_a_missing_package_is_a_failure_that_names_its_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    finding = only(examine_web(WebSettings()))
    assert finding.level is Level.FAILURE
    assert "starlette" in finding.text
    assert "emotiond[web]" in str(finding)
