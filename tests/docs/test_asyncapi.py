"""docs/asyncapi.yaml: sound in itself, and as the daemon is."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as paho
import pytest
from jsonschema import Draft202012Validator

from edge.commands.demo import CLIP
from edge.commands.embedded_broker import free_port
from edge.errors import ExitCode
from edge.publish.mqtt.commands import SET_COMMANDS
from edge.publish.mqtt.settings import Topics
from edge.service.commands import CommandName, ErrorCode
from tests import contract
from tests.brokers import MOSQUITTO, Mosquitto, wait_until
from tests.contract import CHANNELS, DOCUMENT, Channel, Message
from tests.e2e.daemon import Daemon, mqtt
from tests.subscribers import Subscriber

ROOT = "emotiond/test"
PLACES = {"prefix": "emotiond", "device": "test", "discovery": "homeassistant"}
ORDERS = [channel for channel in CHANNELS if not channel.sent and channel.name != "homeassistant"]

WRONG: dict[str, list[bytes]] = {
    "pause": [
        b"",
        b"on",
        b"[]",
        b"{",
        b"{}",
        b'{"paused": 1}',
        b'{"paused": null}',
        b'{"paused": true, "for": 5}',
        b'{"paused": true, "seconds": 0}',
        b'{"paused": true, "seconds": 1e9}',
        b'{"paused": false, "seconds": 5}',
        b'{"paused": true, "id": 1.5}',
        b'{"paused": true, "id": true}',
        b'{"paused": true, "id": ["x"]}',
    ],
    "model": [b"{}", b'{"model": 1}', b'{"name": "tiny-int8"}', b'{"model": null}', b"\xff"],
    "detector": [b"{}", b'{"detector": {"kind": "haar"}}', b'{"kind": "haar"}', b"\xff"],
    "thresholds": [
        b"",
        b"30",
        b"{}",
        b'{"id": "x"}',
        b'{"min_size": -1}',
        b'{"min_size": "30"}',
        b'{"max_yaw": 91}',
        b'{"min_confidence": 1}',
        b'{"min_confidence": 0}',
        b'{"face_threshold": 1.1}',
        b'{"min_brightness": 256}',
        b'{"sharpness": 1}',
    ],
    "takeSnapshot": [b"now", b"null", b'{"format": "png"}'],
    "reload": [b"now", b"[1]", b'{"file": "other.yaml"}'],
    "askInfo": [b"all", b'"x"', b'{"id": {"x": 1}}'],
}
"""Orders that are malformed, by their channel."""


def messages() -> Iterator[tuple[Channel, Message]]:
    return ((channel, message) for channel in CHANNELS for message in channel.messages)


def references(node: Any) -> Iterator[str]:
    """Return what `node` points to, at any depth."""
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        node = list(node.values())
    if isinstance(node, list):
        for part in node:
            yield from references(part)


def test_every_reference_leads_somewhere_and_every_component_is_used() -> None:
    used = set(references(DOCUMENT))
    for reference in used:
        contract.RESOLVER.lookup(reference)
    components = {
        f"#/components/{kind}/{name}"
        for kind, parts in DOCUMENT["components"].items()
        for name in parts
    }
    assert components <= used


def test_every_schema_is_sound() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for message in DOCUMENT["components"]["messages"].values():
        Draft202012Validator.check_schema(message["payload"])


def test_an_address_names_just_the_parameters_that_are_described() -> None:
    for channel in DOCUMENT["channels"].values():
        assert set(re.findall(r"{(\w+)}", channel["address"])) == set(channel["parameters"])


def test_every_channel_has_one_operation() -> None:
    assert sorted(channel.name for channel in CHANNELS) == sorted(DOCUMENT["channels"])


def test_every_message_but_a_picture_has_an_example_and_it_fits() -> None:
    for _, message in messages():
        assert message.examples or message.content_type == "image/jpeg"
        for example in message.examples:
            assert message.fault(example) is None


def test_every_topic_of_the_daemon_has_a_channel() -> None:
    topics = Topics("emotiond/test")
    other = {"root", "id", "commands", "retained", "face", "summary", "response"}
    sent = [topic for name, topic in vars(topics).items() if name not in other]
    sent += [
        f"{topics.face}/7",
        f"{topics.summary}/60",
        *(f"{topics.response}/{command}" for command in CommandName),
    ]
    assert len(sent) == 6 + 2 + 7
    for topic in sent:
        assert [channel for channel in contract.channels(topic) if channel.sent]
    for command in CommandName:
        topic = f"{topics.root}/{'set' if command in SET_COMMANDS else 'request'}/{command}"
        assert [channel for channel in contract.channels(topic) if not channel.sent]


def test_the_document_knows_every_error_code() -> None:
    error = DOCUMENT["components"]["schemas"]["refusal"]["properties"]["error"]
    assert error["properties"]["code"]["enum"] == [code.value for code in ErrorCode]


ELSEWHERE = {"config", "components"}
"""Parts of payloads that others describe."""

LISTS = {"probabilities", "models", "emotions"}
"""Objects that list what there is, however many."""


def grown(value: Any) -> Iterator[Any]:
    """Return copies of plain values, each with one key more, at any depth."""
    if isinstance(value, dict):
        yield {**value, "surprise": "x"}
        for key in value.keys() - ELSEWHERE:
            yield from ({**value, key: other} for other in grown(value[key]))


def shrunk(value: Any) -> Iterator[Any]:
    """Return copies of plain values, each with one key less, at any depth."""
    if isinstance(value, dict):
        yield from ({name: value[name] for name in value if name != key} for key in value)
        for key in value.keys() - ELSEWHERE - LISTS:
            yield from ({**value, key: other} for other in shrunk(value[key]))


@pytest.mark.parametrize(
    ("channel", "message"),
    [
        pytest.param(channel, message, id=f"{channel.name}-{message.name}")
        for channel, message in messages()
        if channel.sent and message.content_type == "application/json"
    ],
)
def test_what_the_daemon_sends_has_no_field_more_or_less(
    channel: Channel, message: Message
) -> None:
    for example in message.examples:
        value = msgspec.json.decode(example)
        for other in (*grown(value), *shrunk(value)):
            assert channel.fault(f"{ROOT}/x", msgspec.json.encode(other)) is not None, other


def test_a_topic_that_is_not_described_is_refused() -> None:
    with pytest.raises(AssertionError, match="no such topic"):
        contract.check("emotiond/test/mood", b"{}")


def test_the_topic_of_a_face_is_that_of_its_payload() -> None:
    (face,) = (message for _, message in messages() if message.name == "face")
    contract.check("emotiond/test/face/1", face.examples[0])
    with pytest.raises(AssertionError, match="track_id is 2 in the topic"):
        contract.check("emotiond/test/face/2", face.examples[0])


def test_how_it_was_sent_counts_too() -> None:
    contract.check("emotiond/test/availability", b"online", retain=True, qos=1)
    with pytest.raises(AssertionError, match="retained is False"):
        contract.check("emotiond/test/availability", b"online", retain=False)
    with pytest.raises(AssertionError, match="QoS is 0"):
        contract.check("emotiond/test/availability", b"online", qos=0)


TYPED = rf"{ROOT}/(event|snapshot|response/(?!doctor)\w+)"
"""Topics whose messages tell by MQTT 5 what they are."""


class Conversation:
    """What was said in a run of the daemon, as far as anybody could hear it.

    Attributes:
        heard: every message.
        answers: what came of each order: its channel, its payload, the answer.
    """

    def __init__(self, subscriber: Subscriber) -> None:
        self._subscriber = subscriber
        self.answers: list[tuple[Channel | None, bytes, dict[str, Any]]] = []

    @property
    def heard(self) -> list[paho.MQTTMessage]:
        return list(self._subscriber.raw)

    def ask(self, topic: str, payload: bytes, channel: Channel | None = None) -> None:
        """Publish an order and wait for its answer."""
        before = len(self._responses())
        self._subscriber.publish(topic, payload)
        wait_until(lambda: len(self._responses()) > before)
        answer = msgspec.json.decode(self._responses()[-1].payload)
        self.answers.append((channel, payload, answer))

    def _responses(self) -> list[paho.MQTTMessage]:
        return [one for one in self.heard if one.topic.startswith(f"{ROOT}/response/")]


@pytest.fixture(scope="module")
def conversation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Conversation]:
    """A run on the built-in clip, in which everything is asked for, rightly and wrongly."""
    if MOSQUITTO is None:
        pytest.skip("Mosquitto is not installed, and the embedded broker knows no MQTT 5")
    folder = tmp_path_factory.mktemp("conversation")
    with Mosquitto(folder) as broker:
        sink = {
            # A broker that is away makes a warning, and so a line of the log.
            **mqtt(free_port()),
            "fallbacks": [{"host": broker.host, "port": broker.port}],
            "protocol": 5,
            "publish_faces": True,
        }
        config = {
            "source": {"kind": "video", "path": str(CLIP)},
            "sinks": [sink],
            "privacy": {"allow_snapshots": True},
            "zones": {"left": [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]},
            "summary": {"every_s": [10]},
        }
        with (
            Subscriber(broker.host, broker.port, protocol=paho.MQTTv5) as subscriber,
            Daemon(folder, config) as daemon,
        ):
            wait_until(lambda: subscriber.payloads(f"{ROOT}/face/1"))
            talk = Conversation(subscriber)
            hold_conversation(talk, subscriber)
            wait_until(lambda: subscriber.payloads(f"{ROOT}/summary/10"))
            assert emotiond("doctor", daemon.path) == ExitCode.OK
            assert daemon.stop() == ExitCode.OK
            assert emotiond("homeassistant", "remove", daemon.path) == ExitCode.OK
            subscriber.catch_up()
            yield talk


def hold_conversation(talk: Conversation, subscriber: Subscriber) -> None:
    for channel in ORDERS:
        topic = channel.topic(**PLACES)
        for payload in (one for message in channel.messages for one in message.examples):
            talk.ask(topic, payload, channel)
        for payload in WRONG[channel.name]:
            talk.ask(topic, payload, channel)
    talk.ask(f"{ROOT}/set/mood", b"cheerful")
    talk.ask(f"{ROOT}/request/A thing", b"")
    discovery = "homeassistant/device/emotiond_test/config"
    before = len(subscriber.payloads(discovery))
    subscriber.publish("homeassistant/status", b"online")
    wait_until(lambda: len(subscriber.payloads(discovery)) > before)


def emotiond(*arguments: str | Path) -> int:
    from edge.cli import main

    *words, config = map(str, arguments)
    return main([*words, "--config", config])


def test_all_that_a_real_run_sends_fits(conversation: Conversation) -> None:
    sent = [one for one in conversation.heard if contract.is_sent(one.topic)]
    assert sent
    for one in sent:
        contract.check(one.topic, bytes(one.payload), one.retain, one.qos)


def test_every_channel_is_spoken_on_in_a_real_run(conversation: Conversation) -> None:
    spoken = {
        channel.name for one in conversation.heard for channel in contract.channels(one.topic)
    }
    assert spoken == set(DOCUMENT["channels"])


def test_every_message_is_sent_in_a_real_run(conversation: Conversation) -> None:
    said = {
        message.name
        for one in conversation.heard
        for channel in contract.channels(one.topic)
        for message in channel.messages
        if message.fault(bytes(one.payload)) is None
    }
    assert said == set(DOCUMENT["components"]["messages"])


def test_what_the_document_accepts_is_done_and_what_it_does_not_is_malformed(
    conversation: Conversation,
) -> None:
    for channel, payload, answer in conversation.answers:
        if channel is None:
            assert answer["error"]["code"] == "unknown"
        elif payload in WRONG[channel.name]:
            assert channel.fault("", payload) is not None, payload
            assert answer.get("error", {}).get("code") == "malformed", (payload, answer)
        else:
            assert answer["status"] == "ok", (payload, answer)


def test_with_mqtt_5_a_message_says_what_it_is(conversation: Conversation) -> None:
    told = [one for one in conversation.heard if re.fullmatch(TYPED, one.topic)]
    assert {one.topic.split("/")[2] for one in told} == {"event", "snapshot", "response"}
    for one in told:
        kinds = {
            message.content_type
            for channel in contract.channels(one.topic)
            for message in channel.messages
        }
        assert kinds == {getattr(one.properties, "ContentType", None)}
