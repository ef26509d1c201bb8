"""One image of another camera, for the guide: who may ask for it, and what comes of nonsense."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from edge.capture.v4l2 import VideoNode
from edge.secrets import SecretRef
from edge.view import WebSettings
from edge.view.web.programs import Programs
from tests.edge.view.web.servers import Reply, Server, serve


def ask(server: Server, device: Any, anonymous: bool = False) -> Reply:
    body = json.dumps({"device": device}).encode()
    return server.request("POST", "/api/still", body, anonymous=anonymous)


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A camera that is listed, and cannot be opened."""
    node = tmp_path / "video7"
    node.symlink_to("/dev/null")
    told = VideoNode("broken", "Broken camera", "usb", True, ())
    monkeypatch.setattr("edge.service.settings.video_nodes", lambda: [node])
    monkeypatch.setattr("edge.service.settings.query_node", lambda path: told)
    return node


@pytest.mark.parametrize(
    "device",
    ["", "/dev/null", "/etc/passwd", "../../dev/video7", "video7\x00", "x" * 3000, "--help"],
)
def test_what_is_no_camera_of_this_machine_is_not_opened(
    tmp_path: Path, node: Path, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(Programs, "run")
    with serve(folder=tmp_path) as server:
        server.load_page()
        reply = ask(server, device)
        assert (reply.status, reply.code) == (403, "refused")
        assert str(node) in reply.json["error"]["message"]
        assert len(reply.body) < 400


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"device": 7}', b'{"device": null}', b"\xff"])
def test_what_is_not_as_the_api_says_is_refused(tmp_path: Path, body: bytes) -> None:
    with serve(folder=tmp_path) as server:
        server.load_page()
        reply = server.request("POST", "/api/still", body)
        assert (reply.status, reply.code) == (400, "malformed")


def test_the_cameras_that_the_config_names_are_left_alone(
    tmp_path: Path, node: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.capture.camera.CameraSettings.node", str(node))
    with serve(folder=tmp_path) as server:
        server.load_page()
        reply = ask(server, str(node))
        assert (reply.status, reply.code) == (403, "refused")


def test_without_the_pages_cookie_or_the_token_no_camera_is_opened(
    tmp_path: Path, node: Path
) -> None:
    (tmp_path / "token").write_text("correct-horse-battery")
    token = SecretRef(file=tmp_path / "token")
    for settings in (WebSettings(port=0), WebSettings(port=0, token=token)):
        with serve(settings, folder=tmp_path) as server:
            assert ask(server, str(node), anonymous=True).status == 401
            assert server.get("/api/still").status in {401, 405}
            assert server.answerer.asked == []


def test_many_who_ask_at_once_are_answered_and_one_camera_is_opened_at_a_time(
    tmp_path: Path, node: Path
) -> None:
    with serve(folder=tmp_path) as server:
        server.load_page()
        with ThreadPoolExecutor(20) as many:
            replies = list(many.map(lambda _: ask(server, str(node)), range(20)))
        assert {reply.status for reply in replies} <= {409, 503}
        failed = [reply for reply in replies if reply.status == 409]
        assert failed
        for reply in failed:
            assert f"{node}: cannot be opened" in reply.json["error"]["message"]
        assert ask(server, str(node)).status == 409
