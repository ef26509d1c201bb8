"""Live streams: events for whoever listens, and the video, encoded once for all."""

import http.client
import json
import logging
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import cv2
import numpy as np
import pytest

from edge.geometry import Box
from edge.types import AnalyzedFrame, CameraState, EventType, Image
from edge.view import PrivacyBlur
from edge.view.web.streams import MjpegBroadcaster
from tests import schema
from tests.brokers import wait_until
from tests.edge.offline.days import event
from tests.edge.view.scenes import expression, scene
from tests.edge.view.web.servers import Server, serve
from tests.events import stats


@pytest.fixture
def server() -> Iterator[Server]:
    with serve() as server:
        yield server


def listen(server: Server, stack: ExitStack) -> http.client.HTTPResponse:
    connection = server.connect()
    stack.callback(connection.close)
    connection.request("GET", "/events")
    return connection.getresponse()


def next_item(stream: http.client.HTTPResponse, kind: str) -> dict[str, Any]:
    """Return the next of its kind."""
    while True:
        fields: dict[str, str] = {}
        while line := stream.readline().decode().strip():
            name, _, value = line.partition(": ")
            fields[name] = value
        if fields.get("event") == kind:
            told = json.loads(fields["data"])
            assert isinstance(told, dict)
            assert fields.get("id") == told.get("id")
            return told


def test_an_event_comes_as_subscribers_of_mqtt_see_it(server: Server) -> None:
    with ExitStack() as stack:
        stream = listen(server, stack)
        assert stream.headers["content-type"].startswith("text/event-stream")
        start = event(EventType.START, 1, "happy", 5.0)
        wait_until(lambda: len(server.web.app.events.clients) == 1)
        server.web.publish(start)
        told = next_item(stream, "emotion")
        schema.EVENT.validate(told)
        assert told["id"] == start.id


def test_who_comes_later_is_told_what_happened_lately(server: Server) -> None:
    events = [event(EventType.START, number, "happy", 5.0) for number in (1, 2, 3)]
    for one in events:
        server.web.publish(one)
    with ExitStack() as stack:
        stream = listen(server, stack)
        assert [next_item(stream, "emotion")["id"] for _ in events] == [one.id for one in events]


def test_what_happened_long_ago_is_not_told_again(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.web.publish(event(EventType.START, 1, "happy", 5.0))
    monkeypatch.setattr("edge.view.web.streams.HISTORY_S", -1.0)
    server.web.publish(event(EventType.START, 2, "happy", 5.0))
    assert server.web.app.events._recent() == []


def test_faces_are_told_as_they_are_now(server: Server) -> None:
    with ExitStack() as stack:
        stream = listen(server, stack)
        server.latest.show(scene(expression(emotion="happy")))
        told = next_item(stream, "faces")
        assert told["frame"] == {"width": 64, "height": 48}
        assert [face["emotion"] for face in told["faces"]] == ["happy"]
        server.latest.show(None)
        assert next_item(stream, "faces")["faces"] == []


def test_how_it_is_set_is_told_at_once_and_whenever_it_changed(server: Server) -> None:
    with ExitStack() as stack:
        stream = listen(server, stack)
        assert next_item(stream, "state")["camera"] == "online"
        server.publish_status(CameraState.PAUSED)
        while (told := next_item(stream, "state"))["camera"] != "paused":
            pass
        assert told["model"] == "shallow-int8"


def test_the_state_tells_everything_at_once(server: Server) -> None:
    server.web.publish(stats())
    server.latest.show(scene(expression(emotion="sad")))
    told = server.get("/api/state").json
    assert told["detectors"] == ["auto", "haar"]
    assert told["colours"]["happy"] == "#f0e442"
    assert set(told["colours"]) == {"angry", "happy", "sad", "uncertain"}
    assert told["stats"]["frames"] == 1800
    assert [face["emotion"] for face in told["faces"]] == ["sad"]
    assert told["authorised"] is False


def test_one_more_than_may_listen_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.view.web.streams.MAX_LISTENERS", 2)
    with serve() as server:
        with ExitStack() as stack:
            assert [listen(server, stack).status for _ in range(3)] == [200, 200, 503]
        wait_until(lambda: len(server.web.app.events.clients) == 0)


def test_who_listens_too_slowly_is_sent_away_and_hears_what_it_missed_when_it_returns(
    server: Server,
) -> None:
    listeners = server.web.app.events.clients
    with ExitStack() as stack:
        stream = listen(server, stack)
        server.web.publish(event(EventType.START, 1, "happy", 5.0))
        next_item(stream, "emotion")
        # More at once than the 500 that are kept for those who come later.
        many = [event(EventType.START, number, "happy", 5.0) for number in range(2, 1000)]
        for one in many:
            server.web.publish(one)
        wait_until(lambda: not listeners)
        again = listen(server, stack)
        assert [next_item(again, "emotion")["id"] for _ in range(500)] == [
            one.id for one in many[-500:]
        ]


def watch(server: Server, stack: ExitStack, query: str = "") -> http.client.HTTPResponse:
    """Take a seat, and leave it when the stack is unwound."""
    connection = server.connect()
    stack.callback(connection.close)
    connection.request("GET", f"/stream.mjpg{query}")
    response = connection.getresponse()
    if response.status == 200:
        assert next_line(response) == b"--emotiond"
    return response


def next_line(stream: http.client.HTTPResponse) -> bytes:
    return stream.readline().strip()


def next_picture(stream: http.client.HTTPResponse) -> Image:
    """Return the next part, which must be whole."""
    assert next_line(stream) == b"Content-Type: image/jpeg"
    name, _, length = next_line(stream).partition(b": ")
    assert name == b"Content-Length"
    assert next_line(stream) == b""
    data = stream.read(int(length))
    assert next_line(stream) == b""
    assert next_line(stream) == b"--emotiond"
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return np.asarray(picture, dtype=np.uint8)


def grey(value: int) -> Image:
    return np.full((48, 64, 3), value, np.uint8)


def middle(picture: Image) -> int:
    return int(picture[12, 32, 0])


def test_each_scene_comes_as_a_picture(server: Server) -> None:
    with ExitStack() as stack:
        stream = watch(server, stack)
        assert stream.headers["content-type"] == "multipart/x-mixed-replace; boundary=emotiond"
        for value in (50, 200):
            server.latest.show(scene(image=grey(value)))
            assert abs(middle(next_picture(stream)) - value) < 8


def snapshot(server: Server, query: str) -> bytes:
    reply = server.get(f"/snapshot.jpg{query}")
    assert (reply.status, reply.headers["content-type"]) == (200, "image/jpeg")
    return reply.body


def test_labels_are_in_the_language_that_is_asked_for_and_else_in_english(server: Server) -> None:
    face = expression(Box(100, 100, 300, 300), "happy")
    server.latest.show(scene(face, image=np.full((480, 640, 3), 90, np.uint8)))
    english, german = snapshot(server, ""), snapshot(server, "?lang=de")
    assert english != german
    assert snapshot(server, "?lang=de&boxes=false") == snapshot(server, "?boxes=false")
    assert snapshot(server, "?boxes=false") not in {english, german}
    for nonsense in ("", "en", "tlh", "../../page", "%00", "de" * 2000):
        assert snapshot(server, f"?lang={nonsense}") == english
    with ExitStack() as stack:
        shown = cv2.imdecode(np.frombuffer(german, np.uint8), cv2.IMREAD_COLOR)
        assert shown is not None
        assert np.array_equal(next_picture(watch(server, stack, "?lang=de")), shown)


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[AnalyzedFrame]:
    """Frames that were encoded for viewers."""
    frames: list[AnalyzedFrame] = []
    encode = MjpegBroadcaster._encode

    def note(self: MjpegBroadcaster, frame: AnalyzedFrame) -> bytes:
        frames.append(frame)
        return encode(self, frame)

    monkeypatch.setattr(MjpegBroadcaster, "_encode", note)
    return frames


def test_with_nobody_watching_nothing_is_encoded(
    server: Server, encoded: list[AnalyzedFrame]
) -> None:
    for value in range(20):
        server.latest.show(scene(image=grey(value)))
        time.sleep(0.01)
    assert encoded == []


def test_for_ten_who_watch_each_scene_is_encoded_once(
    server: Server, encoded: list[AnalyzedFrame]
) -> None:
    with ExitStack() as stack:
        streams = [watch(server, stack) for _ in range(10)]
        wait_until(lambda: len(server.web.app.streams["en"].clients) == 10)
        for value in (10, 90, 170, 250):
            server.latest.show(scene(image=grey(value)))
            assert all(abs(middle(next_picture(stream)) - value) < 8 for stream in streams)
    assert len(encoded) == 4


def test_one_more_than_there_are_seats_is_sent_away(server: Server) -> None:
    with ExitStack() as stack:
        for number in range(10):
            watch(server, stack, ("", "?lang=de", "?boxes=false")[number % 3])
        refused = watch(server, stack, "?lang=de")
        assert refused.status == 503
        assert b'"busy"' in refused.read()
    wait_until(lambda: len(server.web.app.streams["en"].clients) == 0)
    with ExitStack() as stack:
        assert watch(server, stack).status == 200


def test_who_does_not_read_holds_up_nobody(server: Server) -> None:
    noise = np.random.default_rng(8)
    with ExitStack() as stack:
        lazy = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        lazy.sendall(b"GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n")
        stream = watch(server, stack)
        for _ in range(40):  # far more than the sockets' buffers hold
            image = noise.integers(0, 255, (480, 640, 3), dtype=np.uint8)
            server.latest.show(scene(image=image))
            assert next_picture(stream).shape == (480, 640, 3)


def test_while_there_is_nothing_to_see_the_picture_of_before_is_not_shown(server: Server) -> None:
    with ExitStack() as stack:
        server.latest.show(scene(image=grey(50)))
        first = watch(server, stack)
        next_picture(first)
        server.latest.show(None)
        time.sleep(0.1)
        second = watch(server, stack)
        server.latest.show(scene(image=grey(200)))
        assert abs(middle(next_picture(second)) - 200) < 8


def test_who_comes_after_the_last_has_left_is_not_shown_what_that_one_saw(server: Server) -> None:
    with ExitStack() as stack:
        stream = watch(server, stack)
        server.latest.show(scene(image=grey(50)))
        next_picture(stream)
    wait_until(lambda: not server.web.app.streams["en"].clients)
    time.sleep(0.6)  # nobody waits for a frame any more
    server.latest.show(scene(image=grey(200)))
    with ExitStack() as stack:
        assert abs(middle(next_picture(watch(server, stack))) - 200) < 8


def test_what_the_config_hides_is_hidden_in_stream_and_snapshot() -> None:
    with serve(blur=PrivacyBlur.FRAME) as server, ExitStack() as stack:
        stream = watch(server, stack)
        server.latest.show(scene(image=grey(200)))
        assert middle(next_picture(stream)) < 60
        reply = server.get("/snapshot.jpg")
        picture = cv2.imdecode(np.frombuffer(reply.body, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        assert picture[12, 32, 0] < 60


def test_a_snapshot_is_the_picture_of_now_or_says_that_there_is_none(server: Server) -> None:
    assert server.get("/snapshot.jpg").status == 503
    server.latest.show(scene(image=grey(128)))
    reply = server.get("/snapshot.jpg")
    assert (reply.status, reply.headers["content-type"]) == (200, "image/jpeg")


def test_the_end_of_the_site_is_the_end_of_every_stream() -> None:
    with ExitStack() as stack:
        with serve() as server:
            streams = [watch(server, stack) for _ in range(3)]
            server.latest.show(scene(image=grey(50)))
            for stream in streams:
                next_picture(stream)
        assert not server.web._thread.is_alive()
        assert all(stream.read() == b"" for stream in streams)


def test_warnings_and_errors_are_among_the_state_until_the_page_is_closed() -> None:
    log = logging.getLogger("edge.somewhere")
    with serve() as server:
        log.warning("camera 0: gone")
        log.info("camera 0: looked for")
        (line,) = server.get("/api/state").json["log"]
        assert (line["level"], line["message"]) == ("warning", "camera 0: gone")
        events = server.web.app.events
    log.warning("camera 0: gone for good")
    assert len(events.state()["log"]) == 1
