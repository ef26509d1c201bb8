"""Commands that come by the web."""

from collections.abc import Iterator

import pytest

from edge.service.commands import (
    CommandError,
    CommandResult,
    ErrorCode,
    Pause,
    SetModel,
    SetThresholds,
)
from tests.edge.view.web.sites import House, serve


@pytest.fixture
def house() -> Iterator[House]:
    with serve() as house:
        house.enter()
        yield house


@pytest.mark.parametrize(
    ("fields", "command"),
    [
        ({"command": "pause", "paused": True, "seconds": 60}, Pause(paused=True, seconds=60.0)),
        ({"command": "model", "model": "tiny-int8"}, SetModel("tiny-int8")),
        ({"command": "thresholds", "min_size": 30}, SetThresholds(min_size=30.0)),
    ],
)
def test_a_command_is_handed_in_and_its_answer_comes_back(
    house: House, fields: dict[str, object], command: object
) -> None:
    house.clerk.answer = CommandResult({"model": "tiny-int8"})
    reply = house.order(**fields)
    assert (reply.status, reply.json) == (200, {"model": "tiny-int8"})
    assert house.clerk.asked == [command]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "malformed"),
        (b"{", 400, "malformed"),
        (b"[]", 400, "malformed"),
        (b"\xff", 400, "malformed"),
        (b"[" * 3000, 400, "malformed"),
        (b"{}", 400, "unknown"),
        (b'{"command": 1}', 400, "unknown"),
        (b'{"command": "quit"}', 400, "unknown"),
        (b'{"command": "snapshot"}', 403, "refused"),
        (b'{"command": "pause"}', 400, "malformed"),
        (b'{"command": "pause", "paused": true, "for": 5}', 400, "malformed"),
        (b'{"command": "info"' + b" " * 5000 + b"}", 413, "oversized"),
    ],
)
def test_what_is_no_command_is_refused_and_nobody_is_troubled(
    house: House, body: bytes, status: int, code: str
) -> None:
    reply = house.ask("POST", "/api/control", body)
    assert (reply.status, reply.code) == (status, code)
    assert house.clerk.asked == []


@pytest.mark.parametrize(
    ("code", "status"),
    [(ErrorCode.REFUSED, 403), (ErrorCode.FAILED, 409), (ErrorCode.BUSY, 503)],
)
def test_why_the_daemon_does_not_do_it_is_told(house: House, code: ErrorCode, status: int) -> None:
    house.clerk.answer = CommandError(code, "expected less")
    reply = house.order(command="info")
    assert (reply.status, reply.code) == (status, code.value)
    assert reply.json["error"]["message"] == "expected less"


def test_a_daemon_that_does_not_answer_is_not_waited_for_for_ever(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.view.web.control_api.SECONDS", 0.2)
    house.clerk.answer = None
    assert house.order(command="info").status == 504
