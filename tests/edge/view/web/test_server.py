"""The server as a sink."""

import http.client
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from threading import Event

import pytest

from edge.commands.embedded_broker import free_port
from edge.errors import EmotiondError
from edge.pipeline.worker import LatestFrame
from edge.secrets import SecretRef
from edge.service.commands import CommandQueue
from edge.types import CameraState
from edge.view import PrivacyBlur, ViewContext, WebSettings
from edge.view.web.server import BoundedHttpProtocol, WebServer
from tests.edge.view.scenes import scene
from tests.edge.view.web.servers import Server, serve


def test_a_port_that_is_taken_is_named_with_what_to_do() -> None:
    with serve() as server:
        context = ViewContext(LatestFrame(), CommandQueue(), PrivacyBlur.NONE, lambda _: scene())
        other = WebServer(WebSettings(port=server.port), context)
        with pytest.raises(EmotiondError, match=f":{server.port}: Address already in use; choose"):
            other.prepare()
        other.close(1.0)


def test_the_port_of_one_that_ended_can_be_had_at_once() -> None:
    with serve() as first:
        port = first.port
        first.get("/")
    with serve(WebSettings(port=port)) as second:
        assert second.get("/").status == 200


def test_a_request_that_waits_at_a_page_opened_anew_is_answered() -> None:
    context = ViewContext(LatestFrame(), CommandQueue(), PrivacyBlur.NONE, lambda _: scene())
    former, page = (WebServer(WebSettings(port=port), context) for port in [free_port()] * 2)
    former.prepare()
    with closing(http.client.HTTPConnection("127.0.0.1", former.app.auth.port, timeout=30)) as asks:
        asks.request("HEAD", "/")
        page.prepare([former])
        former.close(1.0)
        page.start()
        assert asks.getresponse().status == 200
        page.close(5.0)


def test_a_request_on_its_way_is_answered_before_its_connection_is_closed() -> None:
    with serve() as server, closing(server.connect()) as asks:
        asks.request("HEAD", "/api/state")
        asks.getresponse().read()
        (connection,) = server.web._server.server_state.connections
        asked = Event()

        def ask_and_shut_down() -> None:  # in one step of the server's thread
            asks.request("HEAD", "/api/state")
            connection.shutdown()
            asked.set()

        assert isinstance(connection, BoundedHttpProtocol)
        connection.loop.call_soon_threadsafe(ask_and_shut_down)
        assert asked.wait(5)
        assert asks.getresponse().status == 200


@pytest.mark.parametrize(
    ("camera", "status"),
    [
        (CameraState.ONLINE, 200),
        (CameraState.PAUSED, 200),
        (CameraState.OFFLINE, 503),
        (CameraState.FROZEN, 503),
        (CameraState.DARK, 503),
    ],
)
def test_health_is_that_the_camera_sees_or_is_not_to_see(camera: CameraState, status: int) -> None:
    with serve() as server:
        server.publish_status(camera)
        assert server.get("/healthz").status == status


def test_a_place_that_is_none_and_a_wrong_way_to_ask_are_told_in_json() -> None:
    with serve() as server:
        assert (server.get("/nowhere").status, server.get("/nowhere").code) == (404, "unknown")
        server.load_page()
        wrong = server.request("DELETE", "/api/state")
        assert (wrong.status, wrong.code) == (405, "unknown")
        assert "GET" in wrong.headers["allow"]


@pytest.mark.parametrize("path", ["/events", "/stream.mjpg", "/api/state"])
def test_a_question_for_the_head_alone_is_answered_and_ends(path: str) -> None:
    with serve() as server:
        reply = server.request("HEAD", path)
        assert (reply.status, reply.body) == (200, b"")


def test_a_fault_is_told_to_the_log_and_not_to_the_visitor(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with serve() as server:
        monkeypatch.setattr("edge.view.web.routes.faces_json", lambda _: 1 / 0)
        reply = server.get("/api/state")
        assert (reply.status, reply.code) == (500, "failed")
        assert b"ZeroDivisionError" not in reply.body
        assert "a fault of the web page" in caplog.text


def test_who_connects_and_says_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.view.web.server.HEADER_TIMEOUT_S", 0.2)
    with serve() as server:
        for start in (b"", b"GET / HT"):
            with closing(socket.create_connection(("127.0.0.1", server.port), 20)) as caller:
                caller.sendall(start)
                assert caller.recv(100) == b""


def test_a_daemon_without_the_page_loads_nothing_of_it() -> None:
    code = (
        "import edge.commands.daemon, sys; found = {'starlette', 'uvicorn', 'PIL', 'prometheus_client', "
        "'pygame', 'distributed', 'rich'} & set(sys.modules); print(sorted(found))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_files_of_the_page_need_no_other_place() -> None:
    with serve() as server:
        for path in ("/", "/page.js", "/page.css", "/page.svg"):
            text = server.get(path).body.decode().replace("http://www.w3.org/2000/svg", "")
            assert "://" not in text
            assert "<script>" not in text
            assert " style=" not in text


def test_the_page_learns_whether_it_may_command() -> None:
    with serve() as server:
        assert server.get("/api/state").json["authorised"] is False
        server.load_page()
        assert server.get("/api/state").json["authorised"] is True


def test_a_login_outlives_the_page_that_a_reload_replaces(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("correct-horse-battery")
    settings = WebSettings(port=free_port(), token=SecretRef(file=tmp_path / "token"))
    with serve(settings) as former:
        login = former.request("POST", "/api/login", b'{"token": "correct-horse-battery"}')
        former.cookie = login.headers["set-cookie"].partition(";")[0]
        after = Server(settings)
        after.publish_status()
        after.web.prepare([former.web])
        former.web.close(10.0)
        after.web.start()
        try:
            after.cookie = former.cookie
            assert after.get("/api/state").status == 200
            assert after.request("GET", "/api/state", anonymous=True).status == 401
        finally:
            after.web.close(10.0)
            after.answerer.close()
