"""Videos that are uploaded to the page: analyzed beside the daemon, played, and deleted."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.commands.demo import CLIP
from tests.brokers import wait_until
from tests.edge.view.web.servers import Server, serve


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("videos")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with serve(folder=folder) as server:
        server.load_page()
        yield server
    assert list((folder / "state/uploads").iterdir()) == [], "nothing outlives the daemon"


@pytest.fixture(autouse=True)
def nothing_left(server: Server, folder: Path) -> Iterator[None]:
    """Delete what a test uploaded; nothing of it stays on the disk."""
    yield
    for video in listed(server):
        assert server.request("DELETE", f"/api/videos/{video['id']}").status == 200
    assert not list((folder / "state").glob("uploads/*"))


def listed(server: Server) -> list[dict[str, Any]]:
    videos: list[dict[str, Any]] = server.get("/api/videos").json["videos"]
    return videos


def upload(server: Server, content: bytes, name: str = "clip.mp4") -> str:
    reply = server.request("POST", f"/api/videos?name={name}", content)
    assert reply.status == 200, reply.body
    return str(reply.json["id"])


def state_of(server: Server, key: str) -> str:
    return str(next(one["state"] for one in listed(server) if one["id"] == key))


def test_a_video_is_analyzed_and_its_copy_events_and_report_can_be_had(server: Server) -> None:
    key = upload(server, CLIP.read_bytes(), "a%20%22clip%22.mp4")
    wait_until(lambda: listed(server)[0]["frames"] > 0, seconds=60)
    wait_until(lambda: state_of(server, key) == "done", seconds=90)
    video = listed(server)[0]
    assert video["name"] == 'a "clip".mp4'
    assert video["files"] == ["annotated.mp4", "events.jsonl", "report.html"]
    address = f"/api/videos/{key}"
    part = server.get(f"{address}/annotated.mp4", Range="bytes=0-99")  # as a player asks
    assert (part.status, len(part.body)) == (206, 100)
    assert part.headers["content-type"] == "video/mp4"
    assert server.get(f"{address}/events.jsonl").body.count(b'"type":"start"') >= 1
    report = server.get(f"{address}/report.html")
    assert b"a &quot;clip&quot;.mp4" in report.body
    assert "script-src" not in report.headers["content-security-policy"]
    assert server.get(f"{address}/upload.mp4").status == 404, "the original is gone by now"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("letter.mp4", b"Dear Sir or Madam"),
        ("list.m3u8", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"),
        ("list.txt", b"ffconcat version 1.0\nfile /etc/passwd\n"),
        ("empty.mkv", b""),
    ],
)
def test_what_is_no_video_fails_in_one_line_that_names_it(
    server: Server, name: str, content: bytes
) -> None:
    key = upload(server, content, name)
    wait_until(lambda: state_of(server, key) == "failed", seconds=60)
    error = listed(server)[0]["error"]
    assert error.startswith(name)
    assert "\n" not in error
    assert "root:" not in error
    assert listed(server)[0]["files"] == []


def test_a_video_that_is_too_large_is_refused_before_it_is_read(server: Server) -> None:
    headers = {"Content-Length": "300000001"}
    reply = server.request("POST", "/api/videos", None, headers)
    assert (reply.status, reply.code) == (413, "oversized")


def test_an_upload_that_breaks_off_or_is_too_slow_leaves_nothing(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.view.web.programs.UPLOAD_TIMEOUT_S", 0.5)
    head = f"POST /api/videos HTTP/1.1\r\nHost: localhost\r\nCookie: {server.cookie}\r\n"
    for slow in (True, False):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(f"{head}Content-Length: 1000\r\n\r\nfirst bytes".encode())
            wait_until(lambda: len(listed(server)) == 1)
            if slow:
                assert b" 408 " in connection.recv(1000)
        wait_until(lambda: listed(server) == [])
    assert not list((folder / "state/uploads").iterdir())


def test_no_more_than_eight_are_kept_and_one_at_a_time_is_analyzed(server: Server) -> None:
    for _ in range(8):
        upload(server, CLIP.read_bytes())
    reply = server.request("POST", "/api/videos", b"another")
    assert (reply.status, reply.code) == (409, "failed")
    wait_until(lambda: listed(server)[0]["state"] == "analyzing")
    assert [one["state"] for one in listed(server)[1:]] == ["waiting"] * 7


def children() -> list[int]:
    """Return the processes of this one that analyze a video."""
    tasks = Path("/proc/self/task").glob("*/children")
    pids = [int(pid) for path in tasks for pid in path.read_text().split()]
    return [pid for pid in pids if b"annotated.mp4" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_the_process_makes_way_for_the_daemon_and_ends_with_its_video(server: Server) -> None:
    key = upload(server, CLIP.read_bytes())
    wait_until(lambda: len(children()) == 1, seconds=30)
    (pid,) = children()
    wait_until(lambda: os.getpriority(os.PRIO_PROCESS, pid) == 19)
    score = Path(f"/proc/{pid}/oom_score_adj")
    wait_until(lambda: score.read_text().strip() == "1000")
    assert server.request("DELETE", f"/api/videos/{key}").status == 200
    assert not Path(f"/proc/{pid}").exists()
    assert server.request("DELETE", f"/api/videos/{key}").status == 404
