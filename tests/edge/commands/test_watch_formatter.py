from edge.commands.watch_formatter import WatchFormatter
from edge.publish.mqtt.client import MqttMessage
from edge.publish.payload import encode_event
from tests.events import event


def told(narrator: WatchFormatter, topic: str, payload: bytes) -> str | None:
    return narrator.line(MqttMessage(topic, payload))


def test_every_event_is_told_even_the_same_again() -> None:
    narrator = WatchFormatter(names=False)
    payload = encode_event(event())
    first = told(narrator, "emotiond/a/event", payload)
    assert first is not None
    assert "start   face 1  happy" in first
    assert told(narrator, "emotiond/a/event", payload) == first


def test_a_device_that_comes_and_goes_is_told_once_each_time() -> None:
    narrator = WatchFormatter(names=False)
    lines = [
        told(narrator, "emotiond/a/availability", payload)
        for payload in (b"online", b"online", b"offline", b"online")
    ]
    assert [line and line.split("  ")[1] for line in lines] == [
        "device online",
        None,
        "device offline",
        "device online",
    ]


def test_of_the_state_the_camera_is_told_when_it_changes() -> None:
    narrator = WatchFormatter(names=False)
    states = [
        b'{"faces": 0, "camera": "online", "paused_until": null}',
        b'{"faces": 1, "camera": "online", "paused_until": null}',
        b'{"faces": 0, "camera": "paused", "paused_until": "2026-01-02T03:04:05.678Z"}',
        b'{"faces": 0, "camera": "paused", "paused_until": null}',
    ]
    lines = [told(narrator, "emotiond/a/state", state) for state in states]
    assert [line and line.split("  ")[1] for line in lines] == [
        "camera online",
        None,
        "camera paused until 2026-01-02T03:04:05.678Z",
        "camera paused",
    ]


def test_of_several_devices_each_line_names_its_own_and_each_has_its_own_news() -> None:
    narrator = WatchFormatter(names=True)
    lines = [
        told(narrator, f"emotiond/{device}/availability", b"online") for device in ("hall", "door")
    ]
    assert [line and line.split()[0] for line in lines] == ["hall", "door"]
    line = told(narrator, "emotiond/door/event", encode_event(event()))
    assert line is not None
    assert line.startswith("door ")


def test_what_cannot_be_understood_is_said_in_one_line() -> None:
    narrator = WatchFormatter(names=True)
    for kind, payload in (("event", b"{}"), ("state", b"\xff"), ("availability", b"\xff\n")):
        line = told(narrator, f"emotiond/\x1b/{kind}", payload)
        assert line is not None
        assert "not understood" in line
        assert line.isprintable()


def test_what_the_broker_no_longer_retains_is_no_news() -> None:
    assert told(WatchFormatter(names=False), "emotiond/a/availability", b"") is None
