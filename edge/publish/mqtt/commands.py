"""MQTT commands: messages that ask for something, and the messages that answer them."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from edge.publish.mqtt.client import MqttMessage, mqtt_properties
from edge.publish.mqtt.settings import MqttSettings, Topics
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

MAX_COMMAND_BYTES = 4096
"""Of the payload of a command."""

SET_COMMANDS = frozenset(
    {CommandName.PAUSE, CommandName.MODEL, CommandName.DETECTOR, CommandName.THRESHOLDS}
)
"""Commands that set a value, taken below `set`; the others are taken below `request`."""

SWITCH_VALUES = {b"ON": {"paused": True}, b"OFF": {"paused": False}}
"""Payloads of Home Assistant's switches."""

CallerId = str | int | None
"""What a caller gave in the payload to know the answer by."""


class MqttCommandHandler:
    """Puts commands that come by MQTT into the queue, and publishes the answers from any thread."""

    def __init__(
        self,
        settings: MqttSettings,
        command_queue: CommandQueue,
        publish: Callable[[MqttMessage], None],
    ) -> None:
        self._settings, self._command_queue, self._publish = settings, command_queue, publish

    def handle(self, message: MqttMessage) -> None:
        """Put the command of a message into the queue, or answer what is wrong with it."""
        camera, place = "", message.topic.removeprefix(f"{self._settings.root}/")
        if not place.startswith(("set/", "request/")):
            camera, _, place = place.partition("/")
        topics = Topics(self._settings.root, camera)
        verb, _, name = place.partition("/")
        correlation: bytes | None = getattr(message.properties, "CorrelationData", None)
        reply = partial(self._reply, topics, self._answers(message, topics, name), correlation)
        caller: CallerId = None
        try:
            caller, fields = _parse(message)
            command = self._read(verb, name, fields)
        except CommandError as error:
            reply(caller, error)
        else:
            self._command_queue.submit(CommandRequest(command, partial(reply, caller), camera))

    def _read(self, verb: str, name: str, fields: dict[str, Any] | bytes) -> Command:
        """Return the command of that name, if it is allowed and asked for in the right way."""
        right = {one for one in CommandName if (one in SET_COMMANDS) == (verb == "set")}
        if name not in right:
            known = ", ".join(sorted(right))
            raise CommandError(ErrorCode.UNKNOWN, f"expected one of {known} below {verb}")
        command = CommandName(name)
        if command not in self._settings.commands:
            text = f"{name} is not among the commands of this device's config"
            raise CommandError(ErrorCode.UNAUTHORISED, text)
        by_name = fields if isinstance(fields, dict) else _parse_plain(command, fields)
        return read_command(command, by_name)

    def _answers(self, message: MqttMessage, topics: Topics, name: str) -> str:
        """Return the topic that the caller wants, where an answer could be taken for nothing else.

        This device may write where the caller may not.
        """
        wanted = getattr(message.properties, "ResponseTopic", None) or ""
        first, home = wanted.partition("/")[0], self._settings.homeassistant
        apart = first not in {self._settings.prefix, home and home.prefix, ""} and first[0] != "$"
        answers = wanted.startswith(f"{topics.response}/")
        if (apart or answers) and not re.search(r"[+#\0]", wanted):
            return wanted
        known = re.fullmatch(r"[a-z0-9_-]{1,32}", name)
        return f"{topics.response}/{name if known else 'unknown'}"

    def _reply(
        self,
        topics: Topics,
        topic: str,
        correlation: bytes | None,
        caller: CallerId,
        result: CommandResult | CommandError,
    ) -> None:
        if isinstance(result, CommandError):
            body = {"status": "error", "error": {"code": result.code.value, "message": str(result)}}
        else:
            if result.jpeg is not None:
                kind = mqtt_properties(self._settings, ContentType="image/jpeg")
                self._publish(MqttMessage(topics.snapshot, result.jpeg, properties=kind))
            body = {"status": "ok", "data": result.data}
        payload = msgspec.json.encode({"id": caller, **body})
        properties = mqtt_properties(
            self._settings, ContentType="application/json", CorrelationData=correlation
        )
        self._publish(MqttMessage(topic, payload, qos=1, properties=properties))


def _parse(message: MqttMessage) -> tuple[CallerId, dict[str, Any] | bytes]:
    """Return whom to answer, and what a message holds, plain or by name."""
    if len(message.payload) > MAX_COMMAND_BYTES:
        found = f"expected at most {MAX_COMMAND_BYTES} bytes, found {len(message.payload)}"
        raise CommandError(ErrorCode.OVERSIZED, found)
    if message.retain:  # a broker tells it again at each connection, long after it was meant
        text = "expected a command that is not retained; clear the topic and send it without"
        raise CommandError(ErrorCode.REFUSED, text)
    payload = message.payload.strip()
    if not payload.startswith(b"{"):
        return None, payload
    try:
        fields = msgspec.json.decode(payload, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise CommandError(ErrorCode.MALFORMED, f"is not JSON: {error}") from error
    caller = fields.pop("id", None)
    if not isinstance(caller, CallerId) or isinstance(caller, bool) or len(str(caller)) > 128:
        text = "expected id to be a text or whole number of at most 128 characters"
        raise CommandError(ErrorCode.MALFORMED, text)
    return caller, fields


def _parse_plain(command: CommandName, value: bytes) -> dict[str, Any]:
    """Return by name what a message says in one word."""
    if command is CommandName.PAUSE and value in SWITCH_VALUES:
        return dict(SWITCH_VALUES[value])
    if command in {CommandName.MODEL, CommandName.DETECTOR}:
        try:
            return {command.value: value.decode()}
        except UnicodeDecodeError as error:
            raise CommandError(ErrorCode.MALFORMED, "is not UTF-8") from error
    if not value and command not in SET_COMMANDS:
        return {}
    expected = "ON, OFF or a JSON object" if command is CommandName.PAUSE else "a JSON object"
    raise CommandError(ErrorCode.MALFORMED, f"expected {expected}")
