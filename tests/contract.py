"""docs/asyncapi.yaml, to which everything that the daemon sends is held."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests import schema

PATH = Path(__file__).parent.parent / "docs" / "asyncapi.yaml"
URI = PATH.as_uri()

DOCUMENT: dict[str, Any] = yaml.safe_load(PATH.read_text())


def _resource(content: Any) -> Resource[Any]:
    return Resource.from_contents(content, default_specification=DRAFT202012)


REGISTRY: Registry[Any] = Registry().with_resources(
    [(URI, _resource(DOCUMENT)), (schema.PATH.as_uri(), _resource(schema.EVENT.schema))]
)
RESOLVER = REGISTRY.resolver(URI)


@dataclass(frozen=True, slots=True)
class Message:
    """One kind of payload.

    Attributes:
        name: in the document.
        content_type: what the payload is.
        examples: payloads, as bytes.
    """

    name: str
    content_type: str
    examples: tuple[bytes, ...]
    _schema: Draft202012Validator

    def read(self, payload: bytes) -> Any:
        """Return what a payload holds: plain values, or a text.

        Raises:
            ValueError: it is of another content type.
        """
        if self.content_type == "application/json":
            return msgspec.json.decode(payload)
        if self.content_type == "image/jpeg":
            if not (payload.startswith(b"\xff\xd8\xff") and payload.endswith(b"\xff\xd9")):
                raise ValueError("is no JPEG file")
            return payload.decode("latin-1")
        return payload.decode()

    def fault(self, payload: bytes) -> str | None:
        """Return what keeps a payload from being such a message."""
        try:
            error = best_match(self._schema.iter_errors(self.read(payload)))
        except ValueError as unreadable:
            return f"{self.name}: {unreadable}"
        return error and f"{self.name}: {error.json_path}: {error.message[:300]}"


@dataclass(frozen=True, slots=True)
class Channel:
    """Topics of one form, and what is said there.

    Attributes:
        name: in the document.
        sent: whether the daemon speaks there; else it listens.
        qos, retain: how.
        messages: what may be said.
    """

    name: str
    sent: bool
    qos: int
    retain: bool
    messages: tuple[Message, ...]
    _address: str
    _parameters: dict[str, dict[str, Any]]

    def parameters(self, topic: str) -> dict[str, str] | None:
        """Return what a topic has in place of the parameters; None where it has another form."""
        form = re.sub(r"{(\w+)}", lambda match: self._form(match[1]), self._address)
        match = re.fullmatch(form, topic)
        return match and match.groupdict()

    def topic(self, **values: str) -> str:
        """Return the topic that has `values` in place of the parameters."""
        return self._address.format(**values)

    def fault(self, topic: str, payload: bytes) -> str | None:
        """Return what keeps a payload from being said on a topic of this channel."""
        faults = [message.fault(payload) for message in self.messages]
        if faults.count(None) != 1:  # a message is to be told by its content
            return " or ".join(filter(None, faults)) or "fits several messages"
        return self._contradiction(topic, payload)

    def oddity(self, retain: bool | None, qos: int | None) -> str | None:
        """Return what is unusual for this channel in how something was sent, where that is known."""
        if retain not in {None, self.retain}:
            return f"retained is {retain}"
        return f"QoS is {qos}" if qos not in {None, self.qos} else None

    def _form(self, name: str) -> str:
        values = self._parameters[name].get("enum")
        free = "[^/]+(?:/(?!response/)[^/]+)?" if name == "device" else "[^/]+"  # or device/camera
        return f"(?P<{name}>{'|'.join(map(re.escape, values)) if values else free})"

    def _contradiction(self, topic: str, payload: bytes) -> str | None:
        """Return which parameter is not what the payload says of it."""
        for name, told in (self.parameters(topic) or {}).items():
            location = self._parameters[name].get("location")
            if location is not None:
                key = location.removeprefix("$message.payload#/")
                if str(msgspec.json.decode(payload)[key]) != told:
                    return f"{name} is {told} in the topic and another in the payload"
        return None


def resolve(node: dict[str, Any]) -> dict[str, Any]:
    """Return what stands where a node of the document points to, or the node itself."""
    target: dict[str, Any] = RESOLVER.lookup(node["$ref"]).contents if "$ref" in node else node
    return target


def _channels() -> Iterator[Channel]:
    names = {id(channel): name for name, channel in DOCUMENT["channels"].items()}
    for operation in DOCUMENT["operations"].values():
        channel = resolve(operation["channel"])
        binding = resolve(operation["bindings"])["mqtt"]
        yield Channel(
            name=names[id(channel)],
            sent=operation["action"] == "send",
            qos=binding["qos"],
            retain=binding["retain"],
            messages=tuple(_messages(channel)),
            _address=channel["address"],
            _parameters={name: resolve(node) for name, node in channel["parameters"].items()},
        )


def _messages(channel: dict[str, Any]) -> Iterator[Message]:
    for node in channel["messages"].values():
        message = resolve(node)
        yield Message(
            name=node["$ref"].rpartition("/")[2],
            content_type=message.get("contentType", DOCUMENT["defaultContentType"]),
            examples=tuple(_encode(one["payload"]) for one in message.get("examples", ())),
            _schema=Draft202012Validator(
                {"$ref": f"{URI}{node['$ref']}/payload"},
                registry=REGISTRY,
                format_checker=Draft202012Validator.FORMAT_CHECKER,
            ),
        )


def _encode(payload: Any) -> bytes:
    return payload.encode() if isinstance(payload, str) else msgspec.json.encode(payload)


CHANNELS = tuple(_channels())


def channels(topic: str) -> list[Channel]:
    """Return the channels that a topic belongs to; several may describe it."""
    return [channel for channel in CHANNELS if channel.parameters(topic) is not None]


def is_sent(topic: str) -> bool:
    """Tell whether a topic is the daemon's to speak on, and nobody else's.

    Below `set` and `request` others speak, and may be wrong.
    """
    form = r"emotiond/[^/]+/(?!([^/]+/)?(set|request)(/|$)).+|[^/]+/device/emotiond_[^/]+/config"
    return re.fullmatch(form, topic) is not None


def check(topic: str, payload: bytes, retain: bool | None = None, qos: int | None = None) -> None:
    """See that the document says what was sent.

    Args:
        topic: where it was sent.
        payload: what was sent.
        retain: whether it is retained, where that is known.
        qos: its QoS, where that is known.

    Raises:
        AssertionError: the document says nothing of it, or something else.
    """
    known = [channel for channel in channels(topic) if channel.sent]
    assert known, f"{topic}: docs/asyncapi.yaml has no such topic"
    faults = [channel.fault(topic, payload) or channel.oddity(retain, qos) for channel in known]
    assert None in faults, f"{topic}: {'; '.join(map(str, faults))}: {payload[:500]!r}"
