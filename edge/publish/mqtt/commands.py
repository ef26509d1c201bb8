"""MQTT commands: messages that ask for something, and the messages that answer them."""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from edge.publish.mqtt.client import MqttMessage, mqtt_properties
from edge.publish.mqtt.settings import MqttSettings, Topics
from edge.service import commands
from edge.service.commands import CommandError, CommandName, ErrorCode

MAX_COMMAND_BYTES = 4096  # of the payload of a command
SET_COMMANDS = frozenset(name for name, kind in commands.KINDS.items() if kind.__struct_fields__)
"""Commands that set a value, taken below `set`; the others are taken below `request`."""

SWITCH_VALUES = {b"ON": {"paused": True}, b"OFF": {"paused": False}}  # payloads of Home Assistant
CallerId = str | int | None  # what a caller gave in the payload to know the answer by


def handle_command(
    settings: MqttSettings,
    queue: commands.CommandQueue,
    publish: Callable[[MqttMessage], None],
    message: MqttMessage,
) -> None:
    """Put the command of a message into the queue; `publish`, from any thread, what is answered."""
    camera, place = "", message.topic.removeprefix(f"{settings.root}/")
    if not place.startswith(("set/", "request/")):
        camera, _, place = place.partition("/")
    topics = Topics(settings.root, camera)
    verb, _, name = place.partition("/")
    topic = _answer_topic(settings, message, topics, name)
    correlation: bytes | None = getattr(message.properties, "CorrelationData", None)
    caller: CallerId = None

    def reply(result: commands.CommandResult | CommandError) -> None:
        body: dict[str, Any] = {"id": caller, "status": "ok"}
        if isinstance(result, CommandError):
            body["status"] = "error"
            body["error"] = {"code": result.code.value, "message": str(result)}
        else:
            body["data"] = result.data
            if result.jpeg is not None:
                kind = mqtt_properties(settings, ContentType="image/jpeg")
                publish(MqttMessage(topics.snapshot, result.jpeg, properties=kind))
        properties = mqtt_properties(
            settings, ContentType="application/json", CorrelationData=correlation
        )
        publish(MqttMessage(topic, msgspec.json.encode(body), qos=1, properties=properties))

    try:
        caller, fields = _parse(message)
        command = _read(settings, verb, name, fields)
    except CommandError as error:
        reply(error)
    else:
        queue.submit(commands.CommandRequest(command, reply, camera))


def _read(
    settings: MqttSettings, verb: str, name: str, fields: dict[str, Any] | bytes
) -> commands.Command:
    """Return the command of that name, if it is allowed and asked for in the right way."""
    right = {one for one in CommandName if (one in SET_COMMANDS) == (verb == "set")}
    if name not in right:
        known = ", ".join(sorted(right))
        raise CommandError(ErrorCode.UNKNOWN, f"expected one of {known} below {verb}")
    command = CommandName(name)
    if command not in settings.commands:
        text = f"{name} is not among the commands of this device's config"
        raise CommandError(ErrorCode.UNAUTHORISED, text)
    by_name = fields if isinstance(fields, dict) else _parse_plain(command, fields)
    return commands.read_command(command, by_name)


def _answer_topic(settings: MqttSettings, message: MqttMessage, topics: Topics, name: str) -> str:
    """Return the topic that the caller wants, where an answer could be taken for nothing else.

    This device may write where the caller may not.
    """
    wanted = getattr(message.properties, "ResponseTopic", None) or ""
    first, home = wanted.partition("/")[0], settings.homeassistant
    apart = first not in {settings.prefix, home and home.prefix, ""} and first[0] != "$"
    if (apart or wanted.startswith(f"{topics.response}/")) and not re.search(r"[+#\0]", wanted):
        return wanted
    known = re.fullmatch(r"[a-z0-9_-]{1,32}", name)
    return f"{topics.response}/{name if known else 'unknown'}"


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
