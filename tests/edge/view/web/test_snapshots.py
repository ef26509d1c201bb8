"""Stored snapshots over HTTP: listed, shown and deleted, and nothing beside them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.view import WebSettings
from tests.edge.view.web.servers import Server, serve

NAMES = [f"20261129T1200{second:02}000Z-change-happy-7.jpg" for second in range(3)]
SECRET = "secret.jpg"
FOLDER = Path("state", "snapshots")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server whose folder has three snapshots, and a file that is none."""
    (tmp_path / FOLDER).mkdir(parents=True)
    for number, name in enumerate((*NAMES, SECRET), start=1):
        (tmp_path / FOLDER / name).write_bytes(b"x" * number)
    with serve(WebSettings(port=0), folder=tmp_path) as server:
        yield server


def test_snapshots_are_listed_with_what_their_events_said_the_newest_first(server: Server) -> None:
    listed = server.get("/api/snapshots").json
    assert [one["name"] for one in listed["snapshots"]] == NAMES[::-1]
    assert (listed["count"], listed["bytes"]) == (3, 6)
    assert listed["snapshots"][0] == {
        "name": NAMES[2],
        "time": "2026-11-29T12:00:02.000Z",
        "type": "change",
        "emotion": "happy",
        "track_id": 7,
        "bytes": 3,
    }
    older = server.get(f"/api/snapshots?before={NAMES[1]}").json
    assert [one["name"] for one in older["snapshots"]] == NAMES[:1]


def test_one_answer_lists_a_hundred_at_most(server: Server, tmp_path: Path) -> None:
    for number in range(100):
        (tmp_path / FOLDER / f"20261130T120000000Z-start-sad-{number}.jpg").touch()
    listed = server.get("/api/snapshots").json
    assert (listed["count"], len(listed["snapshots"])) == (103, 100)


def test_a_snapshot_is_shown_as_it_lies_on_disk(server: Server) -> None:
    shown = server.get(f"/api/snapshots/{NAMES[1]}")
    assert (shown.status, shown.headers["content-type"], shown.body) == (200, "image/jpeg", b"xx")


def test_one_is_deleted_or_all_and_no_other_file(server: Server, tmp_path: Path) -> None:
    server.load_page()
    assert server.request("DELETE", f"/api/snapshots/{NAMES[0]}").json == {"deleted": 1}
    assert server.request("DELETE", f"/api/snapshots/{NAMES[0]}").status == 404
    assert server.request("DELETE", "/api/snapshots").json == {"deleted": 2}
    assert server.request("DELETE", "/api/snapshots").json == {"deleted": 0}
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == [SECRET]


@pytest.mark.parametrize(
    "name", [SECRET, f"../{NAMES[0]}", f"..%2f{NAMES[0]}", "%00", f"{NAMES[0]}%0a", "x" * 5000]
)
def test_only_a_snapshot_is_shown_or_deleted_whatever_the_name(server: Server, name: str) -> None:
    server.load_page()
    for method in ("GET", "DELETE"):
        assert server.request(method, f"/api/snapshots/{name}").status == 404


def test_whoever_may_not_command_deletes_nothing(server: Server, tmp_path: Path) -> None:
    for path in ("/api/snapshots", f"/api/snapshots/{NAMES[0]}"):
        assert server.request("DELETE", path, anonymous=True).status == 401
    server.load_page()
    foreign = {"Origin": "http://evil.example"}
    assert server.request("DELETE", "/api/snapshots", headers=foreign).status == 403
    assert len(list((tmp_path / FOLDER).iterdir())) == 4


def test_one_that_cannot_be_deleted_is_an_error_that_says_why(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / FOLDER / NAMES[0]).unlink()
    (tmp_path / FOLDER / NAMES[0]).mkdir()
    server.load_page()
    refused = server.request("DELETE", f"/api/snapshots/{NAMES[0]}")
    assert (refused.status, refused.code) == (409, "failed")
    assert server.get(f"/api/snapshots/{NAMES[0]}").status == 409


def test_without_a_folder_there_are_none(tmp_path: Path) -> None:
    with serve(WebSettings(port=0), folder=tmp_path) as server:
        listed = server.get("/api/snapshots").json
        assert listed == {"count": 0, "bytes": 0, "snapshots": []}
