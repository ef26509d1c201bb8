"""Commands that come by the web."""

import asyncio
from http import HTTPStatus
from typing import Any

import msgspec

from edge.service.commands import (
    CommandError,
    CommandName,
    CommandQueue,
    CommandRequest,
    CommandResult,
    ErrorCode,
    NamedCommand,
    read_command,
)
from edge.view.web.api_error import ApiError

LARGEST = 4096
"""Bytes of a command."""

SECONDS = 10.0
"""Within which the main thread must have answered; a model on a slow card takes some."""


def parse_command(body: bytes) -> NamedCommand:
    """Return the command in a body such as `{"command": "pause", "paused": true}`.

    Raises:
        ApiError: there is none, or not one that is carried out.
    """
    try:
        fields = msgspec.json.decode(body, type=dict[str, Any])
        name = _name(fields.pop("command", None))
        return read_command(name, fields)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, "malformed", f"is not JSON: {error}") from error
    except CommandError as error:
        raise ApiError.of(error) from error


async def execute_command(command: NamedCommand, desk: CommandQueue) -> dict[str, Any]:
    """Hand a command in, and return what came of it.

    Raises:
        ApiError: it was not carried out, or not in time.
    """
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[CommandResult | CommandError] = loop.create_future()

    def answer(result: CommandResult | CommandError) -> None:
        loop.call_soon_threadsafe(_settle, answered, result)

    desk.submit(CommandRequest(command, answer))
    try:
        result = await asyncio.wait_for(answered, SECONDS)
    except TimeoutError as error:
        text = f"no answer came within {SECONDS:.0f} s; it may still be carried out"
        raise ApiError(HTTPStatus.GATEWAY_TIMEOUT, "slow", text) from error
    if isinstance(result, CommandError):
        raise ApiError.of(result)
    return result.data


def _settle(
    answered: "asyncio.Future[CommandResult | CommandError]", result: CommandResult | CommandError
) -> None:
    if not answered.done():
        answered.set_result(result)


def _name(name: object) -> CommandName:
    if name == CommandName.SNAPSHOT:
        raise CommandError(ErrorCode.REFUSED, "the picture of this moment is at /snapshot.jpg")
    known = {one.value: one for one in CommandName if one is not CommandName.SNAPSHOT}
    if not isinstance(name, str) or name not in known:
        text = f"expected `command` to be one of {', '.join(known)}"
        raise CommandError(ErrorCode.UNKNOWN, text)
    return known[name]
