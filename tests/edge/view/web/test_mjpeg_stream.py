"""The live picture: encoded once for all, and for nobody not at all."""

import http.client
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import cv2
import numpy as np
import pytest

from edge.types import Image
from edge.view.settings import PrivacyBlur
from edge.view.web.settings import WebSettings
from tests.brokers import wait_until
from tests.edge.view.scenes import scene
from tests.edge.view.web.sites import House, serve


@pytest.fixture
def house() -> Iterator[House]:
    with serve(WebSettings(port=0, viewers=10)) as house:
        yield house


def watch(house: House, stack: ExitStack) -> http.client.HTTPResponse:
    """Take a seat, and leave it when the stack is unwound."""
    connection = house.connect()
    stack.callback(connection.close)
    connection.request("GET", "/stream.mjpg")
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


def test_each_scene_comes_as_a_picture(house: House) -> None:
    with ExitStack() as stack:
        stream = watch(house, stack)
        assert stream.headers["content-type"] == "multipart/x-mixed-replace; boundary=emotiond"
        for value in (50, 200):
            house.showcase.show(scene(image=grey(value)))
            assert abs(middle(next_picture(stream)) - value) < 8


def test_with_nobody_watching_nothing_is_encoded(house: House) -> None:
    for value in range(20):
        house.showcase.show(scene(image=grey(value)))
        time.sleep(0.01)
    assert house.site._projector.encoded == 0


def test_for_ten_who_watch_each_scene_is_encoded_once(house: House) -> None:
    with ExitStack() as stack:
        streams = [watch(house, stack) for _ in range(10)]
        wait_until(lambda: house.site._projector.viewers == 10)
        for value in (10, 90, 170, 250):
            house.showcase.show(scene(image=grey(value)))
            assert all(abs(middle(next_picture(stream)) - value) < 8 for stream in streams)
    assert house.site._projector.encoded == 4


def test_one_more_than_there_are_seats_is_sent_away(house: House) -> None:
    with ExitStack() as stack:
        for _ in range(10):
            watch(house, stack)
        refused = watch(house, stack)
        assert refused.status == 503
        assert b'"busy"' in refused.read()
    wait_until(lambda: house.site._projector.viewers == 0)
    with ExitStack() as stack:
        assert watch(house, stack).status == 200


def test_who_does_not_read_holds_up_nobody(house: House) -> None:
    noise = np.random.default_rng(8)
    with ExitStack() as stack:
        lazy = stack.enter_context(socket.create_connection(("127.0.0.1", house.port)))
        lazy.sendall(b"GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n")
        stream = watch(house, stack)
        for _ in range(40):  # far more than the sockets' buffers hold
            image = noise.integers(0, 255, (480, 640, 3), dtype=np.uint8)
            house.showcase.show(scene(image=image))
            assert next_picture(stream).shape == (480, 640, 3)


def test_while_there_is_nothing_to_see_the_picture_of_before_is_not_shown(house: House) -> None:
    with ExitStack() as stack:
        house.showcase.show(scene(image=grey(50)))
        first = watch(house, stack)
        next_picture(first)
        house.showcase.clear()
        time.sleep(0.1)
        second = watch(house, stack)
        house.showcase.show(scene(image=grey(200)))
        assert abs(middle(next_picture(second)) - 200) < 8


def test_what_the_config_hides_is_hidden_in_stream_and_snapshot() -> None:
    with serve(blur=PrivacyBlur.PICTURE) as house, ExitStack() as stack:
        stream = watch(house, stack)
        house.showcase.show(scene(image=grey(200)))
        assert middle(next_picture(stream)) < 60
        reply = house.get("/snapshot.jpg")
        picture = cv2.imdecode(np.frombuffer(reply.body, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        assert picture[12, 32, 0] < 60


def test_a_snapshot_is_the_picture_of_now_or_says_that_there_is_none(house: House) -> None:
    assert house.get("/snapshot.jpg").status == 503
    house.showcase.show(scene(image=grey(128)))
    reply = house.get("/snapshot.jpg")
    assert (reply.status, reply.headers["content-type"]) == (200, "image/jpeg")


def test_the_end_of_the_site_is_the_end_of_every_stream() -> None:
    with ExitStack() as stack:
        with serve() as house:
            streams = [watch(house, stack) for _ in range(3)]
            house.showcase.show(scene(image=grey(50)))
            for stream in streams:
                next_picture(stream)
        assert not house.site._thread.is_alive()
        assert all(stream.read() == b"" for stream in streams)
