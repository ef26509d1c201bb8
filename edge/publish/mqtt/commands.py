"""Messages that ask for something, and the messages that answer them."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from edge.publish.mqtt.client import publish_properties
from edge.publish.mqtt.message import IncomingMessage, OutgoingMessage
from edge.publish.mqtt.settings import MqttSettings
from edge.service.commands import (
    Command,
    CommandError,
    CommandName,
    CommandQueue,
    CommandRequest,
    CommandResult,
    ErrorCode,
    read_command,
)

LARGEST = 4096
"""Bytes of a command."""

SET = frozenset(
    {CommandName.PAUSE, CommandName.MODEL, CommandName.DETECTOR, CommandName.THRESHOLDS}
)
"""What is asked for below `set`, being values; the others are asked for below `request`."""

SWITCH = {b"ON": {"paused": True}, b"OFF": {"paused": False}}
"""How Home Assistant's switches speak."""

CallerId = str | int


@dataclass(frozen=True, slots=True)
class ReplyTo:
    """Where an answer goes.

    Attributes:
        topic: of the answer.
        id: that the caller gave in the payload.
        correlation: that the caller gave by MQTT 5.
    """

    topic: str
    id: CallerId | None = None
    correlation: bytes | None = None


class MqttCommandHandler:
    """Hands what messages ask for in at the desk, and sends the answers.

    Args:
        settings: of the sink.
        desk: where requests are handed in.
        send: takes letters, from any thread.
    """

    def __init__(
        self, settings: MqttSettings, desk: CommandQueue, send: Callable[[OutgoingMessage], None]
    ) -> None:
        self._settings = settings
        self._topics = settings.topics
        self._desk = desk
        self._send = send

    def take(self, message: IncomingMessage) -> None:
        """Hand in what a message asks for, or answer what is wrong with it."""
        verb, _, name = message.topic.removeprefix(f"{self._topics.root}/").partition("/")
        place = self._return_address(message, name)
        try:
            fields, place = _fields(message, place)
            command = self._read(verb, name, fields)
        except CommandError as error:
            self._answer(place, error)
            return
        self._desk.submit(CommandRequest(command, lambda result: self._answer(place, result)))

    def _read(self, verb: str, name: str, fields: dict[str, Any] | bytes) -> Command:
        command = _known(verb, name)
        if command not in self._settings.commands:
            raise CommandError(
                ErrorCode.UNAUTHORISED, f"{name} is not among the commands of this device's config"
            )
        if isinstance(fields, bytes):
            fields = _plain(command, fields)
        return read_command(command, fields)

    def _return_address(self, message: IncomingMessage, name: str) -> ReplyTo:
        safe = re.fullmatch(r"[a-z0-9_-]{1,32}", name)
        own = self._topics.response(name if safe else "unknown")
        properties = message.properties
        asked = getattr(properties, "ResponseTopic", None)
        return ReplyTo(
            topic=asked if asked and self._may_answer(asked) else own,
            correlation=getattr(properties, "CorrelationData", None),
        )

    def _may_answer(self, topic: str) -> bool:
        """Tell whether an answer there could be taken for nothing else.

        A caller chooses the topic, and this device may write where the caller may not.
        """
        forbidden = [self._settings.prefix]
        if self._settings.homeassistant is not None:
            forbidden.append(self._settings.homeassistant.prefix)
        first = topic.partition("/")[0]
        apart = first not in forbidden and not topic.startswith("$")
        answers = topic.startswith(self._topics.response(""))
        return (apart or answers) and not re.search(r"[+#\0]", topic)

    def _answer(self, place: ReplyTo, result: CommandResult | CommandError) -> None:
        if isinstance(result, CommandError):
            body = {"status": "error", "error": {"code": result.code.value, "message": str(result)}}
        else:
            if result.jpeg is not None:
                kind = publish_properties(self._settings, ContentType="image/jpeg")
                self._send(OutgoingMessage(self._topics.snapshot, result.jpeg, properties=kind))
            body = {"status": "ok", "data": result.data}
        payload = msgspec.json.encode({"id": place.id, **body})
        properties = publish_properties(
            self._settings, ContentType="application/json", CorrelationData=place.correlation
        )
        self._send(OutgoingMessage(place.topic, payload, qos=1, properties=properties))


def _fields(message: IncomingMessage, place: ReplyTo) -> tuple[dict[str, Any] | bytes, ReplyTo]:
    """Return what a message holds, plain or by name, and where to answer now that its id is known.

    Raises:
        CommandError: it is not to be read.
    """
    if len(message.payload) > LARGEST:
        found = f"expected at most {LARGEST} bytes, found {len(message.payload)}"
        raise CommandError(ErrorCode.OVERSIZED, found)
    if message.retained:  # a broker tells it again at each connection, long after it was meant
        text = "expected a command that is not retained; clear the topic and send it without"
        raise CommandError(ErrorCode.REFUSED, text)
    payload = message.payload.strip()
    if not payload.startswith(b"{"):
        return payload, place
    try:
        fields = msgspec.json.decode(payload, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise CommandError(ErrorCode.MALFORMED, f"is not JSON: {error}") from error
    caller = fields.pop("id", None)
    known = isinstance(caller, CallerId | None) and not isinstance(caller, bool)
    if not known or len(str(caller)) > 128:
        text = "expected id to be a text or whole number of at most 128 characters"
        raise CommandError(ErrorCode.MALFORMED, text)
    return fields, replace(place, id=caller)


def _known(verb: str, name: str) -> CommandName:
    """Return the command of that name, if it is asked for in the right way."""
    right = {command for command in CommandName if (command in SET) == (verb == "set")}
    if name not in right:
        known = ", ".join(sorted(right))
        raise CommandError(ErrorCode.UNKNOWN, f"expected one of {known} below {verb}")
    return CommandName(name)


def _plain(command: CommandName, value: bytes) -> dict[str, Any]:
    """Return by name what a message says in one word."""
    if command is CommandName.PAUSE and value in SWITCH:
        return dict(SWITCH[value])
    if command in {CommandName.MODEL, CommandName.DETECTOR}:
        try:
            return {command.value: value.decode()}
        except UnicodeDecodeError as error:
            raise CommandError(ErrorCode.MALFORMED, "is not UTF-8") from error
    if not value and command not in SET:
        return {}
    expected = "ON, OFF or a JSON object" if command is CommandName.PAUSE else "a JSON object"
    raise CommandError(ErrorCode.MALFORMED, f"expected {expected}")
