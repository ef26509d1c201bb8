#!/usr/bin/env python3
"""Write RabbitMQ's definitions for a fleet: who may come in, and what each may say and hear.

    definitions.py <passwords >definitions.json

Each line of the input is NAME:PASSWORD for a device, or NAME:PASSWORD:reader or
NAME:PASSWORD:operator for who hears all devices, or commands them too. A device writes below
emotiond/NAME/ and hears its own commands, nothing else. A reader's client id is its name.
"""

import base64
import hashlib
import json
import os
import re
import sys
from collections.abc import Iterable
from typing import Any

# Topics as AMQP spells them, with dots for slashes; RabbitMQ puts the user in for {username}.
MAY_SAY_AND_HEAR = {
    "device": (
        r"^(emotiond[.]{username}[.]|homeassistant[.]device[.]emotiond_{username}[.]config$)",
        r"^(emotiond[.]{username}[.](set[.]|request[.]|response[.]doctor$)|homeassistant[.]status$)",
    ),
    "reader": (r"^$", r"^emotiond[.]"),
    "operator": (r"^emotiond[.][^.]+[.](set|request)[.]", r"^emotiond[.]"),
}

# A session that does not last, as the devices' is, has a queue on the node where it began. Without
# a copy elsewhere RabbitMQ 3.10 does not let its client in again while that node is away.
MIRRORED = {
    "vhost": "/",
    "name": "sessions",
    "pattern": "^mqtt-subscription-",
    "apply-to": "queues",
    "definition": {"ha-mode": "exactly", "ha-params": 2, "ha-sync-mode": "automatic"},
}


def definitions(lines: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Return the definitions of the users in `lines`.

    Raises:
        ValueError: a line is not as it should be.
    """
    users = [_parse(line.strip()) for line in lines if line.strip()]
    return {
        "users": [_user(name, password) for name, password, _ in users],
        "permissions": [_permissions(name, role) for name, _, role in users],
        "policies": [MIRRORED],
        "topic_permissions": [_topic_permissions(name, role) for name, _, role in users],
    }


def _parse(line: str) -> tuple[str, str, str]:
    name, _, password = line.partition(":")
    role = "device"
    for other in ("reader", "operator"):
        if password.endswith(f":{other}"):
            password, role = password.removesuffix(f":{other}"), other
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) or not password:
        raise ValueError(f"expected NAME:PASSWORD[:reader|:operator], got the name {name!r}")
    return name, password, role


def _user(name: str, password: str) -> dict[str, Any]:
    salt = os.urandom(4)
    digest = salt + hashlib.sha256(salt + password.encode()).digest()
    return {
        "name": name,
        "password_hash": base64.b64encode(digest).decode(),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": [],
    }


def _permissions(name: str, role: str) -> dict[str, Any]:
    """Allow the exchange behind every topic, and the queues of the user's own client ids alone."""
    # `emotiond doctor` and `emotiond watch` add what they are and six digits.
    client_id = f"emotiond_{name}(-[a-z]+-[0-9a-f]{{6}})?" if role == "device" else name
    queues = rf"mqtt-subscription-{client_id}qos[01]"
    both = rf"^(amq\.topic|{queues})$"
    return {"user": name, "vhost": "/", "configure": f"^{queues}$", "write": both, "read": both}


def _topic_permissions(name: str, role: str) -> dict[str, Any]:
    write, read = MAY_SAY_AND_HEAR[role]
    return {"user": name, "vhost": "/", "exchange": "amq.topic", "write": write, "read": read}


if __name__ == "__main__":
    try:
        json.dump(definitions(sys.stdin), sys.stdout, indent=1)
    except ValueError as error:
        sys.exit(str(error))
