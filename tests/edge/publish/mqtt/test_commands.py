"""What callers may send, and what they get back; the queue is real, the network is not needed."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.publish.mqtt.client import MqttMessage
from edge.publish.mqtt.commands import handle_command
from edge.publish.mqtt.settings import MqttSettings
from edge.service.commands import (
    Command,
    CommandError,
    CommandName,
    CommandQueue,
    CommandResult,
    ErrorCode,
    GetInfo,
    GetSnapshot,
    Pause,
    Reload,
    SetDetector,
    SetModel,
    SetThresholds,
)

ROOT = "emotiond/test"


class Caller:
    """Sends messages to a device and keeps what comes back.

    Args:
        fields: of the device's settings.
    """

    def __init__(self, **fields: Any) -> None:
        self.messages: list[MqttMessage] = []
        self.queue = CommandQueue()
        self._settings = MqttSettings(device="test", **fields)

    def send(
        self, topic: str, payload: bytes = b"", retain: bool = False, **properties: Any
    ) -> None:
        told = None
        if properties:
            told = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            for name, value in properties.items():
                setattr(told, name, value)
        message = MqttMessage(f"{ROOT}/{topic}", payload, 1, retain, told)
        handle_command(self._settings, self.queue, self.messages.append, message)

    def asked(self) -> Command | None:
        """Return the command that reached the queue, none where there was none."""
        request = self.queue.next(0)
        return None if request is None else request.command

    def answer(self) -> dict[str, Any]:
        """Return the only answer so far."""
        (message,) = self.messages
        return dict(msgspec.json.decode(message.payload))


@pytest.mark.parametrize(
    ("topic", "payload", "command"),
    [
        ("set/pause", b"ON", Pause(paused=True)),
        ("set/pause", b" OFF\n", Pause(paused=False)),
        ("set/pause", b'{"paused": true, "seconds": 600}', Pause(paused=True, seconds=600.0)),
        ("set/model", b"deep-int8", SetModel("deep-int8")),
        ("set/model", b'{"model": "deep-int8", "id": 7}', SetModel("deep-int8")),
        ("set/detector", b"haar", SetDetector("haar")),
        ("set/thresholds", b'{"min_size": 30}', SetThresholds(min_size=30.0)),
        ("request/snapshot", b"", GetSnapshot()),
        ("request/reload", b"{}", Reload()),
        ("request/info", b'{"id": "x"}', GetInfo()),
    ],
)
def test_each_command_reaches_the_queue(topic: str, payload: bytes, command: Command) -> None:
    caller = Caller()
    caller.send(topic, payload)
    assert caller.asked() == command
    assert caller.messages == []


@pytest.mark.parametrize(
    ("topic", "payload", "code"),
    [
        ("set/pause", b"MAYBE", "malformed"),
        ("set/pause", b"", "malformed"),
        ("set/pause", b'{"paused": "yes"}', "malformed"),
        ("set/pause", b'{"paused": true, "seconds": -1}', "malformed"),
        ("set/pause", b'{"paused": false, "seconds": 1}', "malformed"),
        ("set/pause", b'{"paused": true, "forever": 1}', "malformed"),
        ("set/model", b"\xff\xfe", "malformed"),
        ("set/model", b'{"model": "a"', "malformed"),
        ("set/thresholds", b"{}", "malformed"),
        ("set/thresholds", b'{"min_size": null}', "malformed"),
        ("set/thresholds", b'{"max_yaw": 91}', "malformed"),
        ("set/thresholds", b'{"min_size": 1e999}', "malformed"),
        ("set/thresholds", b"[1]", "malformed"),
        ("request/info", b"please", "malformed"),
        ("request/info", b'{"id": [1]}', "malformed"),
        ("request/info", b'{"id": true}', "malformed"),
        ("request/info", b'{"id": "' + b"x" * 129 + b'"}', "malformed"),
        ("request/info", b"{" * 4096, "malformed"),
        ("set/pause", b'{"paused": ' + b"[" * 2000 + b"]" * 2000 + b"}", "malformed"),
        ("set/pause", b'{"paused": ' + b"[" * 900 + b"]" * 900 + b"}", "malformed"),
        ("request/info", b" " * 4097, "oversized"),
        ("request/pause", b"", "unknown"),
        ("set/info", b"", "unknown"),
        ("set", b"", "unknown"),
        ("request/" + "x" * 200, b"", "unknown"),
        ("request/a/b", b"", "unknown"),
    ],
)
def test_what_is_no_command_is_answered_by_an_error_and_reaches_nobody(
    topic: str, payload: bytes, code: str
) -> None:
    caller = Caller()
    caller.send(topic, payload)
    assert caller.asked() is None
    assert caller.answer()["status"] == "error"
    assert caller.answer()["error"]["code"] == code


def test_an_error_says_what_was_expected_and_found() -> None:
    caller = Caller()
    caller.send("set/pause", b'{"paused": true, "seconds": "long", "id": 4}')
    answer = caller.answer()
    assert answer["id"] == 4
    assert answer["error"]["message"] == "seconds: expected a number or nothing, found 'long'"


def test_a_command_that_the_config_does_not_allow_is_unauthorised() -> None:
    caller = Caller(commands=(CommandName.PAUSE,))
    caller.send("request/reload")
    assert caller.asked() is None
    assert caller.answer()["error"]["code"] == "unauthorised"


def test_a_retained_command_is_refused_for_it_would_come_again_at_each_connection() -> None:
    caller = Caller()
    caller.send("set/pause", b"OFF", retain=True)
    assert caller.asked() is None
    assert caller.answer()["error"]["code"] == "refused"


def test_an_answer_carries_the_id_that_the_caller_gave() -> None:
    caller = Caller()
    caller.send("request/info", b'{"id": "mine"}')
    request = caller.queue.next(0)
    assert request is not None
    request.answer(CommandResult({"version": "1"}))
    assert caller.messages[0].topic == f"{ROOT}/response/info"
    assert caller.answer() == {"id": "mine", "status": "ok", "data": {"version": "1"}}


def test_a_snapshot_is_published_before_its_answer_on_a_topic_of_its_own() -> None:
    caller = Caller()
    caller.send("request/snapshot")
    request = caller.queue.next(0)
    assert request is not None
    request.answer(CommandResult({"bytes": 4}, jpeg=b"JPEG"))
    picture, answer = caller.messages
    assert (picture.topic, picture.payload, picture.retain) == (f"{ROOT}/snapshot", b"JPEG", False)
    assert answer.topic == f"{ROOT}/response/snapshot"


def test_a_caller_that_is_faster_than_the_answers_gets_busy() -> None:
    caller = Caller()
    for _ in range(16 + 1):
        caller.send("request/info")
    assert caller.answer()["error"]["code"] == "busy"


def test_mqtt_5_answers_where_the_caller_listens_with_what_correlates_it() -> None:
    caller = Caller(protocol=5)
    caller.send("request/info", b"", ResponseTopic="me/here", CorrelationData=b"\x01\x02")
    request = caller.queue.next(0)
    assert request is not None
    request.answer(CommandError(ErrorCode.FAILED, "no"))
    (message,) = caller.messages
    assert message.topic == "me/here"
    assert message.properties is not None
    told = message.properties.json()  # type: ignore[no-untyped-call]
    assert told == {"ContentType": "application/json", "CorrelationData": "0102"}


@pytest.mark.parametrize(
    "topic",
    [
        f"{ROOT}/event",
        "emotiond/other/response/info",
        "homeassistant/device/x/config",
        "$SYS/x",
        "a/#",
        "+/a",
    ],
)
def test_no_caller_can_make_the_device_answer_on_topics_that_mean_something_else(
    topic: str,
) -> None:
    caller = Caller(protocol=5)
    caller.send("set/pause", b"MAYBE", ResponseTopic=topic)
    (message,) = caller.messages
    assert message.topic == f"{ROOT}/response/pause"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3)
    ),
    max_leaves=6,
)
KEYS = st.sampled_from(
    ["paused", "seconds", "model", "detector", "min_size", "max_yaw", "face_threshold", "id", "x"]
)
PAYLOADS = st.binary(max_size=200) | st.dictionaries(KEYS, VALUES, max_size=4).map(
    msgspec.json.encode
)


@pytest.mark.parametrize("name", list(CommandName))
@given(verb=st.sampled_from(["set", "request"]), payload=PAYLOADS)
def test_whatever_is_sent_either_reaches_the_queue_whole_or_is_answered_by_an_error(
    name: CommandName, verb: str, payload: bytes
) -> None:
    caller = Caller()
    caller.send(f"{verb}/{name}", payload)
    command = caller.asked()
    if command is None:
        assert caller.answer()["error"]["code"] in set(ErrorCode)
    else:
        assert caller.messages == []
        # It is what its type says, however it came.
        assert msgspec.convert(msgspec.to_builtins(command), type(command)) == command
