"""Commands and images that come by the web."""

import socket
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.metrics import SystemStats
from edge.service.commands import (
    ChangeSettings,
    CommandError,
    CommandResult,
    ErrorCode,
    Pause,
    SetModel,
    SetThresholds,
)
from edge.types import Image
from tests.edge.view.web.servers import Server, serve


@pytest.fixture
def server() -> Iterator[Server]:
    with serve() as server:
        server.load_page()
        yield server


@pytest.mark.parametrize(
    ("fields", "command"),
    [
        ({"command": "pause", "paused": True, "seconds": 60}, Pause(paused=True, seconds=60.0)),
        ({"command": "model", "model": "tiny-int8"}, SetModel("tiny-int8")),
        ({"command": "thresholds", "min_size": 30}, SetThresholds(min_size=30.0)),
    ],
)
def test_a_command_is_handed_in_and_its_answer_comes_back(
    server: Server, fields: dict[str, object], command: object
) -> None:
    server.answerer.answer = CommandResult({"model": "tiny-int8"})
    reply = server.post_command(**fields)
    assert (reply.status, reply.json) == (200, {"model": "tiny-int8"})
    assert server.answerer.asked == [command]


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
    server: Server, body: bytes, status: int, code: str
) -> None:
    reply = server.request("POST", "/api/control", body)
    assert (reply.status, reply.code) == (status, code)
    assert server.answerer.asked == []


@pytest.mark.parametrize(
    ("code", "status"),
    [(ErrorCode.REFUSED, 403), (ErrorCode.FAILED, 409), (ErrorCode.BUSY, 503)],
)
def test_why_the_daemon_does_not_do_it_is_told(
    server: Server, code: ErrorCode, status: int
) -> None:
    server.answerer.answer = CommandError(code, "expected less")
    reply = server.post_command(command="info")
    assert (reply.status, reply.code) == (status, code.value)
    assert reply.json["error"]["message"] == "expected less"


def test_a_daemon_that_does_not_answer_is_not_waited_for_for_ever(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.view.web.api.COMMAND_TIMEOUT_S", 0.2)
    server.answerer.answer = None
    assert server.post_command(command="info").status == 504


@pytest.fixture(scope="module")
def shared_server() -> Iterator[Server]:
    with serve() as shared_server:
        shared_server.load_page()
        yield shared_server


def encoded(image: Image, suffix: str = ".jpg") -> bytes:
    return cv2.imencode(suffix, image)[1].tobytes()


def bomb(width: int, height: int) -> bytes:
    """Return a PNG of a few bytes that says it is as large as that."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(3 * 1000 + 1))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def test_a_picture_is_answered_with_the_faces_in_it(
    shared_server: Server, clip: list[Image]
) -> None:
    reply = shared_server.request("POST", "/api/analyse", encoded(clip[2]))
    assert reply.status == 200
    told = reply.json
    assert (told["width"], told["height"], told["model"]) == (640, 480, "shallow-int8")
    (face,) = told["faces"]
    assert face["emotion"] in face["probabilities"]
    assert 0 < face["box"][0] < face["box"][2] < 640


def test_a_picture_without_a_face_is_answered_with_none(shared_server: Server) -> None:
    empty = np.full((120, 160, 3), 90, np.uint8)
    assert shared_server.request("POST", "/api/analyse", encoded(empty, ".png")).json["faces"] == []


def test_where_a_picture_is_wanted_it_comes_annotated(
    shared_server: Server, clip: list[Image]
) -> None:
    headers = {"Accept": "image/jpeg"}
    reply = shared_server.request("POST", "/api/analyse", encoded(clip[2], ".png"), headers)
    assert reply.headers["content-type"] == "image/jpeg"
    drawn = cv2.imdecode(np.frombuffer(reply.body, np.uint8), cv2.IMREAD_COLOR)
    assert drawn is not None
    assert drawn.shape == clip[2].shape
    assert np.abs(drawn.astype(int) - clip[2]).max() > 100


def test_the_labels_of_an_annotated_picture_are_in_the_language_that_is_asked_for(
    shared_server: Server, clip: list[Image]
) -> None:
    image, paths = encoded(clip[4], ".png"), ("/api/analyse", "/api/analyse?lang=de")
    (face,) = shared_server.request("POST", paths[0], image).json["faces"]
    assert face["emotion"] != "neutral", "which is the same word in both"
    headers = {"Accept": "image/jpeg"}
    english, german = (shared_server.request("POST", one, image, headers).body for one in paths)
    assert english != german


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 415, "malformed"),
        (b"hello", 415, "malformed"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "malformed"),
        (b"%PDF-1.4", 415, "malformed"),
        (b"\x89PNG\r\n\x1a\n", 415, "malformed"),
        (bomb(60_000, 60_000), 413, "oversized"),
        (bomb(2_000_000_000, 2_000_000_000), 413, "oversized"),
        (bomb(6_000, 6_000), 413, "oversized"),
    ],
    ids=["empty", "text", "svg", "pdf", "head", "bomb", "giant", "36-megapixels"],
)
def test_what_is_no_picture_or_too_large_a_one_is_refused_and_nothing_else_happens(
    shared_server: Server, body: bytes, status: int, code: str
) -> None:
    seen, memory = len(shared_server.analyzed), SystemStats().sample().memory or 0
    reply = shared_server.request("POST", "/api/analyse", body)
    assert (reply.status, reply.code) == (status, code)
    assert len(shared_server.analyzed) == seen
    assert (SystemStats().sample().memory or 0) - memory < 30_000_000
    assert shared_server.get("/healthz").status == 200


def test_a_picture_that_breaks_off_is_refused_or_read_as_far_as_it_goes(
    shared_server: Server, clip: list[Image]
) -> None:
    whole = encoded(clip[2], ".png")
    assert shared_server.request("POST", "/api/analyse", whole[: len(whole) // 2]).status in {
        200,
        422,
    }
    assert shared_server.request("POST", "/api/analyse", whole[:60]).status == 422


def test_a_file_of_100_megabytes_is_refused_before_it_is_sent(shared_server: Server) -> None:
    with socket.create_connection(("127.0.0.1", shared_server.port), timeout=20) as caller:
        head = (
            f"POST /api/analyse HTTP/1.1\r\nHost: localhost\r\nCookie: {shared_server.cookie}\r\n"
        )
        caller.sendall(f"{head}Content-Length: 100000000\r\n\r\n".encode())
        assert caller.recv(4096).startswith(b"HTTP/1.1 413")


def test_a_file_that_does_not_say_how_large_it_is_is_cut_off_at_the_limit(
    shared_server: Server,
) -> None:
    seen = len(shared_server.analyzed)
    with socket.create_connection(("127.0.0.1", shared_server.port), timeout=20) as caller:
        head = (
            f"POST /api/analyse HTTP/1.1\r\nHost: localhost\r\nCookie: {shared_server.cookie}\r\n"
        )
        caller.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        piece = b"80000\r\n" + bytes(0x80000) + b"\r\n"
        answer = b""
        try:
            for _ in range(40):
                caller.sendall(piece)
        except OSError:
            pass
        try:
            answer = caller.recv(4096)
        except OSError:
            pytest.skip("the connection was reset before its answer was read")
        assert answer.startswith(b"HTTP/1.1 413")
    assert len(shared_server.analyzed) == seen


def test_of_a_photograph_that_was_taken_upright_the_upright_picture_is_read(
    shared_server: Server, clip: list[Image]
) -> None:
    lying = np.ascontiguousarray(np.rot90(clip[2]))  # turned to the left
    data = encoded(lying)
    # EXIF (CIPA DC-008): orientation 6, which says: turn to the right.
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    turned = data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]
    told = shared_server.request("POST", "/api/analyse", turned).json
    assert (told["width"], told["height"]) == (640, 480)
    assert len(told["faces"]) == 1


def test_real_photographs_are_read(shared_server: Server, media: Path) -> None:
    reply = shared_server.request(
        "POST", "/api/analyse", (media / "tfjs_three_people.jpg").read_bytes()
    )
    assert len(reply.json["faces"]) == 3


def test_a_change_of_settings_is_handed_in(server: Server) -> None:
    body = b'{"changes": {"smoothing.hold_s": 0.5}, "confirmed": true}'
    assert server.request("PATCH", "/api/settings", body).status == 200
    assert server.answerer.asked == [ChangeSettings({"smoothing.hold_s": 0.5}, confirmed=True)]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"changes": {}}', b'{"changes": [1]}'])
def test_what_is_no_change_of_settings_is_refused(server: Server, body: bytes) -> None:
    reply = server.request("PATCH", "/api/settings", body)
    assert (reply.status, reply.code, server.answerer.asked) == (400, "malformed", [])
