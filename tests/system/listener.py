"""Somebody in a guest who hears what is published there."""

import json
from dataclasses import dataclass
from itertools import count
from typing import Any

from tests import contract
from tests.system.guest import Guest, read, run, start, stop, wait

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Heard:
    """One message."""

    topic: str
    payload: str
    qos: int
    retain: bool


class Listener:
    """Mosquitto's own subscriber, from whom a restarted broker keeps nothing back.

    What emotiond sent must be as docs/asyncapi.yaml has it.

    Args:
        guest: where broker and daemon are.
        login: options by which it is let in.
    """

    def __init__(self, guest: Guest, login: str = "") -> None:
        self._guest = guest
        self._name = f"listener-{next(_numbers)}"
        self._login = login
        who = f"--id {self._name} --disable-clean-session {login}"
        what = f"--qos 1 --topic emotiond/# --topic {self._name} -F %j"
        command = f"mosquitto_sub {who} {what}"
        self._unit = start(guest, "listener", command, f"file:{self._file}")
        wait(guest, self._is_there)

    @property
    def _file(self) -> str:
        return f"/run/{self._name}"

    def _is_there(self) -> bool:
        run(self._guest, f"mosquitto_pub {self._login} --topic {self._name} --message here")
        return any(message.topic == self._name for message in self._heard())

    def close(self) -> None:
        """Go away."""
        stop(self._guest, self._unit)

    def heard(self) -> list[Heard]:
        """Return all that emotiond published since it listens, and what was retained before."""
        messages = [message for message in self._heard() if contract.is_sent(message.topic)]
        for message in messages:
            if message.payload:  # else a retained one is cleared
                contract.check(message.topic, message.payload.encode(), None, message.qos)
        return messages

    def events(self, device: str = "guest") -> list[dict[str, Any]]:
        """Return the events of one device."""
        topic = f"emotiond/{device}/event"
        return [json.loads(one.payload) for one in self.heard() if one.topic == topic]

    def wait_for_events(self, count: int = 1, device: str = "guest") -> None:
        """Wait for so many events more than there are now.

        Raises:
            AssertionError: they do not come.
        """
        before = len(self.events(device))
        wait(self._guest, lambda: len(self.events(device)) >= before + count, 30)

    def _heard(self) -> list[Heard]:
        lines = read(self._guest, self._file).splitlines()
        return [_parse(json.loads(line)) for line in lines if line.endswith("}")]


def _parse(message: dict[str, Any]) -> Heard:
    payload = message["payload"] or ""  # null where it is empty
    return Heard(message["topic"], payload, message["qos"], bool(message["retain"]))
