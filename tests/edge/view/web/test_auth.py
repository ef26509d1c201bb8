"""Who may look, and who may command."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.errors import ConfigError
from edge.secrets import SecretRef
from edge.view import WebSettings
from edge.view.web.auth import CODE_AGE_S, Sessions, TokenAuth
from tests.edge.view.web.servers import Server, serve

TOKEN = "correct-horse-battery"
LOOKING = (
    *("/snapshot.jpg", "/stream.mjpg", "/events", "/api/state", "/metrics", "/openapi.json"),
    *("/api/history", "/api/report", "/api/videos", "/api/videos/1/annotated.mp4", "/api/faces"),
)
ASKING = (
    *("/api/analyse", "/api/control", "/api/logout", "/api/code", "/api/doctor"),
    *("/api/videos", "/api/faces", "/api/quit"),
)


@pytest.fixture(scope="module")
def open_server() -> Iterator[Server]:
    with serve() as server:
        yield server


@pytest.fixture
def token(tmp_path: Path) -> SecretRef:
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n")
    return SecretRef(file=path)


@pytest.fixture
def locked_server(token: SecretRef) -> Iterator[Server]:
    with serve(WebSettings(port=0, token=token)) as server:
        yield server


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "camera.local"])
def test_a_page_that_others_can_reach_needs_a_token(host: str) -> None:
    with pytest.raises(ConfigError, match=r"needs a `web.token`"):
        TokenAuth(WebSettings(host=host))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_a_page_for_this_machine_alone_needs_none(host: str) -> None:
    assert not TokenAuth(WebSettings(host=host)).needs_token


def test_a_short_token_is_refused_and_not_told(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("hunter2")
    with pytest.raises(ConfigError, match="expected 16 ASCII characters or more") as caught:
        TokenAuth(WebSettings(token=SecretRef(file=path)))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("path", ASKING)
def test_without_the_cookie_of_the_page_nothing_is_carried_out(
    open_server: Server, path: str
) -> None:
    reply = open_server.request("POST", path, b'{"command": "info"}', anonymous=True)
    assert (reply.status, reply.code) == (401, "unauthorised")
    assert open_server.answerer.asked == open_server.analyzed == []


def test_a_wrong_cookie_is_none(open_server: Server) -> None:
    name = f"emotiond-{open_server.port}"
    reply = open_server.request("POST", "/api/control", b"{}", {"Cookie": f"{name}=guess"})
    assert reply.status == 401


def test_whoever_loads_the_page_may_command() -> None:
    with serve() as server:
        server.load_page()
        assert server.post_command(command="info").json == {"done": True}
        assert len(server.answerer.asked) == 1


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(open_server: Server) -> None:
    cookie = open_server.get("/").headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:1", "null"])
def test_another_site_in_the_same_browser_may_not_command(origin: str) -> None:
    with serve() as server:
        server.load_page()
        reply = server.request("POST", "/api/control", b'{"command": "info"}', {"Origin": origin})
        assert (reply.status, reply.code) == (403, "refused")
        assert server.answerer.asked == []


def test_the_page_itself_names_its_origin_and_may() -> None:
    with serve() as server:
        server.load_page()
        origin = {"Origin": f"http://127.0.0.1:{server.port}"}
        assert server.request("POST", "/api/control", b'{"command": "info"}', origin).status == 200


@pytest.mark.parametrize("path", ["/", "/healthz", *LOOKING])
@pytest.mark.parametrize("host", ["evil.example", "192.0.2.7:8080", ""])
def test_a_name_that_was_bent_to_this_machine_is_refused(
    open_server: Server, path: str, host: str
) -> None:
    reply = open_server.get(path, Host=host)
    assert (reply.status, reply.code) == (421, "refused")
    assert "set-cookie" not in reply.headers


@pytest.mark.parametrize("host", ["localhost", "localhost:99", "[::1]:8080", "127.0.0.1"])
def test_the_names_of_this_machine_are_known(open_server: Server, host: str) -> None:
    assert open_server.get("/api/state", Host=host).status == 200


@pytest.mark.parametrize("path", LOOKING)
def test_where_there_is_a_token_nobody_looks_without_it(locked_server: Server, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong-horse-battery"}):
        reply = locked_server.get(path, **headers)
        assert (reply.status, reply.code) == (401, "unauthorised")
        assert reply.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ASKING)
def test_where_there_is_a_token_nobody_asks_without_it(locked_server: Server, path: str) -> None:
    assert locked_server.request("POST", path, b"{}").status == 401
    assert "set-cookie" not in locked_server.get("/").headers
    assert locked_server.answerer.asked == locked_server.analyzed == []


def test_who_has_the_token_may_look_and_command_from_any_name(locked_server: Server) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Host": "camera.example"}
    assert locked_server.request("GET", "/api/state", headers=headers).json["authorised"] is True
    body = b'{"command": "info"}'
    assert locked_server.request("POST", "/api/control", body, headers).status == 200


@pytest.mark.parametrize("path", ["/", "/page.js", "/page.css", "/page.svg", "/healthz"])
def test_what_holds_nothing_about_anybody_is_open(locked_server: Server, path: str) -> None:
    assert locked_server.get(path).status == 200


def test_the_token_is_exchanged_for_a_cookie_that_does_not_hold_it(locked_server: Server) -> None:
    wrong = locked_server.request("POST", "/api/login", b'{"token": "wrong-horse-battery"}')
    assert (wrong.status, wrong.code) == (401, "unauthorised")
    right = locked_server.request("POST", "/api/login", f'{{"token": "{TOKEN}"}}'.encode())
    assert right.status == 200
    locked_server.cookie = right.headers["set-cookie"].partition(";")[0]
    assert TOKEN not in locked_server.cookie
    assert locked_server.get("/api/state").status == 200
    assert locked_server.post_command(command="info").status == 200


def test_a_code_is_good_for_one_login_within_a_minute_and_only_the_token_gets_one(
    locked_server: Server,
) -> None:
    assert locked_server.request("POST", "/api/code").status == 401
    headers = {"Authorization": f"Bearer {TOKEN}"}
    body = json.dumps(locked_server.request("POST", "/api/code", headers=headers).json).encode()
    assert TOKEN.encode() not in body
    used = locked_server.request("POST", "/api/login", body)
    locked_server.cookie = used.headers["set-cookie"].partition(";")[0]
    assert locked_server.get("/api/state").status == 200
    again = locked_server.request("POST", "/api/login", body)
    assert (again.status, again.code) == (401, "unauthorised")


def test_a_code_that_nobody_used_is_good_for_a_minute() -> None:
    now = 0.0
    codes = Sessions(lambda: now, CODE_AGE_S)
    code = codes.begin(TOKEN)
    now = 59.0
    assert codes.is_open(code, TOKEN)
    now = 60.0
    assert not codes.is_open(code, TOKEN)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"token": 1}', b"{}", b"\xff"])
def test_a_login_that_is_none_is_malformed(locked_server: Server, body: bytes) -> None:
    reply = locked_server.request("POST", "/api/login", body)
    assert (reply.status, reply.code) == (400, "malformed")


def test_who_logs_out_gives_the_cookie_back() -> None:
    with serve() as server:
        server.load_page()
        gone = server.request("POST", "/api/logout").headers["set-cookie"]
        assert "Max-Age=0" in gone


@pytest.mark.parametrize("path", ["/", "/page.js", "/api/state", "/nowhere", "/snapshot.jpg"])
def test_every_answer_forbids_what_the_page_does_not_need(open_server: Server, path: str) -> None:
    headers = open_server.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers
