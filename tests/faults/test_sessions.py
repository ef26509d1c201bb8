"""A login ends when it is ended: by hand, by age, by another token; and guessing is slow."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="the page needs the extra `web`")

from edge.secrets import SecretRef
from edge.view import WebSettings
from edge.view.web.auth import Sessions
from tests.brokers import wait_until
from tests.edge.view.web.servers import Server, serve
from tests.events import stats
from tests.faults import fault

FIRST, SECOND = "the first token of all", "the second token of all"


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(FIRST)
    return path


@pytest.fixture
def server(token: Path) -> Iterator[Server]:
    with serve(WebSettings(port=0, token=SecretRef(file=token))) as one:
        yield one


def log_in(server: Server, token: str = FIRST) -> int:
    """Log in and keep the cookie; return the status."""
    reply = server.request("POST", "/api/login", f'{{"token": "{token}"}}'.encode())
    server.cookie = reply.headers.get("set-cookie", "").partition(";")[0]
    return reply.status


@fault(
    "page",
    "a cookie is used after its logout",
    seen="the login again",
    recovery="log in",
)
def test_a_logout_ends_the_session_and_no_other(server: Server) -> None:
    assert log_in(server) == 200
    first = server.cookie
    assert log_in(server) == 200
    assert server.request("POST", "/api/logout").status == 200
    assert server.get("/api/state").status == 401, "the cookie was kept and is worth nothing"
    server.cookie = first
    assert server.get("/api/state").status == 200


@fault(
    "page",
    "the token file changes",
    seen="every session ends; the new token is taken",
    recovery="log in",
)
def test_another_token_in_the_file_ends_every_session_and_is_taken_at_once(
    server: Server, token: Path
) -> None:
    log_in(server)
    token.write_text(SECOND)
    wait_until(lambda: server.get("/api/state").status == 401)
    assert log_in(server, FIRST) == 401
    assert log_in(server, SECOND) == 200
    assert server.get("/api/state").status == 200


@fault(
    "page",
    "the token file is gone",
    seen="nobody is let in",
    recovery="the file is back",
)
def test_a_token_that_cannot_be_read_lets_nobody_in(server: Server, token: Path) -> None:
    log_in(server)
    token.unlink()
    wait_until(lambda: server.get("/api/state").status == 401)
    assert log_in(server, FIRST) == 401
    assert log_in(server, "") == 401


def test_a_stream_ends_with_its_session(server: Server) -> None:
    log_in(server)
    connection = server.connect()
    connection.request("GET", "/events", headers={"Cookie": server.cookie})
    stream = connection.getresponse()
    assert stream.status == 200
    server.request("POST", "/api/logout")
    server.web.publish(stats())
    started = time.monotonic()
    while stream.read1(65_536):
        assert time.monotonic() - started < 20, "the stream goes on"


@fault(
    "page",
    "tokens are guessed",
    seen="one line with the address and a count; answers slow down for the guesser alone",
    recovery="by itself",
)
def test_wrong_tokens_are_answered_more_and_more_slowly_and_told_in_one_line(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    took = []
    with caplog.at_level(logging.WARNING, "edge.view.web.auth"):
        for _ in range(4):
            started = time.monotonic()
            assert log_in(server, "a wrong token of the same length") == 401
            took.append(time.monotonic() - started)
        assert server.get("/api/state", Authorization="Bearer another wrong one").status == 401
    assert took[3] > 4 * took[0] > 0.4
    (record,) = caplog.records
    assert "127.0.0.1" in record.getMessage()
    started = time.monotonic()
    assert log_in(server) == 200
    assert time.monotonic() - started < 1.0, "the right one is not held back"


def test_a_session_ends_by_age() -> None:
    now = [0.0]
    sessions = Sessions(lambda: now[0])
    secret = sessions.begin("token")
    now[0] = 7 * 86_400.0 - 1
    assert sessions.is_open(secret, "token")
    now[0] += 2
    assert not sessions.is_open(secret, "token")
