"""What happens, for whoever listens."""

import http.client
import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from edge.types import CameraState, EventType
from tests import schema
from tests.brokers import wait_until
from tests.edge.offline.days import event
from tests.edge.view.scenes import expression, scene
from tests.edge.view.web.sites import House, serve
from tests.events import stats


@pytest.fixture
def house() -> Iterator[House]:
    with serve() as house:
        yield house


def listen(house: House, stack: ExitStack) -> http.client.HTTPResponse:
    connection = house.connect()
    stack.callback(connection.close)
    connection.request("GET", "/events")
    return connection.getresponse()


def next_news(stream: http.client.HTTPResponse, kind: str) -> dict[str, Any]:
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


def test_an_event_comes_as_subscribers_of_mqtt_see_it(house: House) -> None:
    with ExitStack() as stack:
        stream = listen(house, stack)
        assert stream.headers["content-type"].startswith("text/event-stream")
        start = event(EventType.START, 1, "happy", 5.0)
        wait_until(lambda: house.site._news.listeners == 1)
        house.site.publish(start)
        told = next_news(stream, "emotion")
        schema.EVENT.validate(told)
        assert told["id"] == start.id


def test_who_comes_later_is_told_what_happened_lately(house: House) -> None:
    events = [event(EventType.START, number, "happy", 5.0) for number in (1, 2, 3)]
    for one in events:
        house.site.publish(one)
    with ExitStack() as stack:
        stream = listen(house, stack)
        assert [next_news(stream, "emotion")["id"] for _ in events] == [one.id for one in events]


def test_what_happened_long_ago_is_not_told_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.site.publish(event(EventType.START, 1, "happy", 5.0))
    monkeypatch.setattr("edge.view.web.event_stream.HISTORY_SECONDS", -1.0)
    house.site.publish(event(EventType.START, 2, "happy", 5.0))
    assert house.site._news._recent() == []


def test_faces_are_told_as_they_are_now(house: House) -> None:
    with ExitStack() as stack:
        stream = listen(house, stack)
        house.showcase.show(scene(expression(emotion="happy")))
        told = next_news(stream, "faces")
        assert told["frame"] == {"width": 64, "height": 48}
        assert [face["emotion"] for face in told["faces"]] == ["happy"]
        house.showcase.clear()
        assert next_news(stream, "faces")["faces"] == []


def test_how_it_is_set_is_told_at_once_and_whenever_it_changed(house: House) -> None:
    with ExitStack() as stack:
        stream = listen(house, stack)
        assert next_news(stream, "state")["camera"] == "online"
        house.tell(CameraState.PAUSED)
        while (told := next_news(stream, "state"))["camera"] != "paused":
            pass
        assert told["model"] == "shallow-int8"


def test_the_state_tells_everything_at_once(house: House) -> None:
    house.site.publish(stats())
    house.showcase.show(scene(expression(emotion="sad")))
    told = house.get("/api/state").json
    assert told["detectors"] == ["auto", "haar"]
    assert told["colours"]["happy"] == "#f0e442"
    assert set(told["colours"]) == {"angry", "happy", "sad", "uncertain"}
    assert told["stats"]["frames"] == 1800
    assert [face["emotion"] for face in told["faces"]] == ["sad"]
    assert told["authorised"] is False


def test_one_more_than_may_listen_is_sent_away(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.view.web.event_stream.LISTENERS", 2)
    with ExitStack() as stack:
        assert [listen(house, stack).status for _ in range(3)] == [200, 200, 503]
    wait_until(lambda: house.site._news.listeners == 0)


def test_who_listens_too_slowly_is_sent_away_and_the_others_hear_on(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.view.web.event_stream.BACKLOG", 3)
    with ExitStack() as stack:
        listen(house, stack)
        wait_until(lambda: house.site._news.listeners == 1)
        news = house.site._news
        crowd = [event(EventType.START, number, "happy", 5.0) for number in range(1, 2000)]
        for one in crowd:  # more at once than it can be sent between two of them
            house.site.publish(one)
        wait_until(lambda: news.listeners == 0)
